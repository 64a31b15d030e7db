import { describe, expect, it } from "vitest";
import type { RecipeUser } from "../../../../provider/image/recipe/types.ts";
import { type Accounts, addUsers, numericOwner } from "../../../../provider/image/tree/accounts.ts";

// shortened from alpine-baselayout-data 3.7.2, and lighttpd as busybox adduser leaves it
const before: Accounts = {
  passwd:
    "root:x:0:0:root:/root:/bin/sh\nntp:x:123:123:NTP:/var/empty:/sbin/nologin\nlighttpd:x:100:101:lighttpd:/var/www:/sbin/nologin\n",
  group: "root:x:0:root\nwheel:x:10:root\nntp:x:123:\nwww-data:x:82:lighttpd\nlighttpd:x:101:\n",
  shadow: "root:*::0:::::\nntp:!::0:::::\nlighttpd:!:20415:0:99999:7:::\n",
};
const user = (u: Partial<RecipeUser>): RecipeUser => ({
  ...{ name: "ann", shell: "/bin/sh", groups: [], authorizedKeys: [], sudo: false },
  ...u,
});

describe("users", () => {
  it("get a group of their own, the next free id, no password", () => {
    const a = addUsers(before, [user({}), user({ name: "bob", uid: 1000 }), user({ name: "eve", groups: ["wheel"] })]);
    expect(a.passwd).toContain("ann:x:1001:1001::/home/ann:/bin/sh\n");
    expect(a.passwd).toContain("bob:x:1000:1000::/home/bob:/bin/sh\n");
    expect(a.passwd).toContain("eve:x:1002:1002::/home/eve:/bin/sh\n");
    expect(a.group).toContain("wheel:x:10:root,eve\n");
    expect(a.shadow).toContain("ann:*::0:99999:7:::\n");
  });
  it("cannot take a name or an id that is there", () => {
    expect(() => addUsers(before, [user({ name: "ntp" })])).toThrow(/users: ntp is already an account/);
    expect(() => addUsers(before, [user({ uid: 123 })])).toThrow(/uid 123 of ann is taken by ntp/);
  });
  it("cannot be in a group that is not there", () =>
    expect(() => addUsers(before, [user({ groups: ["docker"] })])).toThrow(
      /no group docker for ann; known groups are .*wheel/,
    ));
  it("share a group's name that packages made", () =>
    expect(addUsers(before, [user({ name: "wheel" })]).passwd).toContain("wheel:x:1000:10::/home/wheel:/bin/sh\n"));
});

it("the day of a change and root's password are not in the image", () => {
  const { shadow } = addUsers({ ...before, shadow: before.shadow.replace("root:*:", "root:$6$x:20415") }, []);
  expect(shadow).toBe("root:*::0:::::\nntp:!::0:::::\nlighttpd:!::0:99999:7:::\n");
  expect(addUsers(before, []).shadow).toBe(
    addUsers({ ...before, shadow: before.shadow.replace("20415", "20416") }, []).shadow,
  );
});

it("owners are found by name and number", () => {
  expect(numericOwner("ntp:wheel", before)).toEqual([123, 10]);
  expect(numericOwner("0:82", before)).toEqual([0, 82]);
  expect(numericOwner("nobody:root", before)).toMatch(/no user nobody/);
  expect(numericOwner("root:nobody", before)).toMatch(/no group nobody/);
});
