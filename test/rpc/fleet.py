"""
The same Fleet from a program in Python, by the Automation API: the program's language server is in this process.
Standard input: what is asked for, a line of JSON per `up`; standard output: what each made, a line of JSON.
"""
import json
import os
import sys

import pulumi
from pulumi import automation as auto


class Fleet(pulumi.ComponentResource):
    """As Pulumi's generator writes it: a component that a plugin makes."""

    summary: pulumi.Output[str]
    booted: pulumi.Output[dict]
    connections: pulumi.Output[dict]

    def __init__(self, name, props, opts=None):
        outputs = {"summary": None, "booted": None, "connections": None}
        super().__init__("pine:index:Fleet", name, {**outputs, **props}, opts, remote=True)


class HostHijack(pulumi.CustomResource):
    installationId: pulumi.Output[str]

    def __init__(self, name, props, opts=None):
        super().__init__("pine:index:HostHijack", name, {"installationId": None, **props}, opts)


asked = {}


def program():
    key = pulumi.Output.secret("CANARY-KEY")
    web = Fleet(
        "web",
        {
            "servers": {name: {"connection": {"port": port}} for name, port in asked["ports"].items()},
            "defaults": {"connection": {"host": "127.0.0.1", "privateKey": key}},
            "commit": asked["commit"],
            "rollout": asked["rollout"],
        },
    )
    # pulumi#7540: what depends on the component as a whole, and what uses an output
    connection = web.connections.apply(lambda all: all["b"])
    HostHijack("later", {"connection": connection, "commit": asked["commit"]})
    HostHijack(
        "after",
        {"connection": {"host": "127.0.0.1", "port": asked["ports"]["a"]}, "commit": asked["commit"]},
        pulumi.ResourceOptions(depends_on=[web]),
    )
    pulumi.export("summary", web.summary)
    pulumi.export("booted", web.booted)


def main():
    stack = auto.create_or_select_stack(
        stack_name="python",
        project_name="shop",
        program=program,
        opts=auto.LocalWorkspaceOptions(work_dir=os.getcwd(), env_vars=dict(os.environ)),
    )
    for line in sys.stdin:
        asked.clear()
        asked.update(json.loads(line))
        said = []
        result = stack.up(parallel=100, on_output=said.append)
        outputs = {name: output.value for name, output in result.outputs.items()}
        print(json.dumps({"outputs": outputs, "said": "".join(said)}), flush=True)


main()
