/**
 * Construct: the engine asks for a component, and this registers it and its children at the engine's monitor. Speaks
 * the protocol itself, as the rest of rpc does: Pulumi's runtime for Node keeps the run in global state, loads for
 * 0.4 s, and two constructs of one process would share it. docs/fleet.md says what becomes of each resource option.
 */
import type { Alias } from "@pulumi/pulumi/proto/alias_pb.js";
import { type ConstructRequest, ConstructResponse } from "@pulumi/pulumi/proto/provider_pb.js";
import { RegisterResourceOutputsRequest, RegisterResourceRequest } from "@pulumi/pulumi/proto/resource_pb.js";
import { die } from "../errors.ts";
import type { Props } from "../properties/values.ts";
import type { Child, Component, Construction } from "../resource.ts";
import { fromStruct, toStruct } from "./codec.ts";
import { failureLine, failuresOf } from "./messages.ts";
import { Monitor, Stopped } from "./monitor.ts";
import type { Overseers } from "./overseers.ts";
import type { Schema } from "./schema.ts";
import type { Scope } from "./scope.ts";

export interface Constructing {
  component: Component;
  scope: Scope;
  schema: Schema;
  overseers: Overseers;
  /** The provider that this process is: it must serve the children, too, to oversee them. "": not known. */
  reference: string;
}

/** Registers the component, has it make its children, and returns its URN and outputs. */
export async function construct(q: ConstructRequest, o: Constructing): Promise<ConstructResponse> {
  const { component, scope, schema } = o;
  const inputs = checkedInputs(q, o);
  const monitor = new Monitor(q.getMonitorendpoint(), scope.signal);
  let urn = "";
  try {
    ({ urn } = await monitor.register(componentRequest(q)));
    scope.log.about(urn);
    const children: string[] = [];
    const made = await component.construct(construction(q, o, { urn, monitor, children }), inputs);
    const outputs = scope.noting(schema.wrap(made, schema.outputs(q.getType())));
    const state = toStruct(outputs);
    await monitor.outputs(new RegisterResourceOutputsRequest().setUrn(urn).setOutputs(state));
    const answer = new ConstructResponse().setUrn(urn).setState(state);
    for (const name of Object.keys(outputs)) {
      const of = new ConstructResponse.PropertyDependencies().setUrnsList(children);
      answer.getStatedependenciesMap().set(name, of);
    }
    return answer;
  } catch (error) {
    // the engine has told why it ends the run, and would show any error of ours as one more
    if (error instanceof Stopped) return new ConstructResponse().setUrn(urn);
    throw error;
  } finally {
    monitor.close();
  }
}

/** Dies with every failure, a line each, before anything is registered. */
function checkedInputs(q: ConstructRequest, { component, scope, schema }: Constructing): Props {
  const specs = schema.inputs(q.getType());
  const inputs = scope.noting(schema.wrap(fromStruct(q.getInputs()), specs));
  const shown = (path: string) => schema.shows(path, specs);
  const failures = failuresOf(component.check(inputs), inputs, shown, scope.clean);
  if (failures.length > 0) die(failures.map(failureLine).join("\n"));
  return inputs;
}

interface Made {
  urn: string;
  monitor: Monitor;
  /** URNs of the children so far. */
  children: string[];
}

function construction(q: ConstructRequest, o: Constructing, { urn, monitor, children }: Made): Construction {
  const { scope, overseers } = o;
  const { signal, log } = scope;
  const urnOf = (type: string, name: string) => childUrn(urn, type, name);
  return {
    name: q.getName(),
    urn,
    preview: q.getDryrun(),
    signal,
    step: (message) => log.step(message),
    info: (message) => log.line("info", message),
    warn: (message) => log.line("warning", message),
    urnOf,
    oversee: (type, prefix, overseer) => overseers.set(urn, urnOf(type, prefix), overseer),
    async child(child) {
      children.push(urnOf(child.type, child.name));
      const made = await monitor.register(childRequest(q, urn, child).setProvider(o.reference));
      scope.noting(made.state);
      return made;
    },
  };
}

/** `urn:pulumi:stack::project::Fleet$HostHijack::name`, from the parent's. */
export function childUrn(parent: string, type: string, name: string): string {
  const [stack, project, types] = parent.split("::");
  return [stack, project, `${types}$${type}`, name].join("::");
}

/** What both kinds of registration take over from the request. */
function registration(q: ConstructRequest): RegisterResourceRequest {
  const r = new RegisterResourceRequest();
  if (q.hasProtect()) r.setProtect(q.getProtect() === true);
  if (q.hasRetainondelete()) r.setRetainondelete(q.getRetainondelete() === true);
  return r.setDeletedwith(q.getDeletedwith()).setParentstacktracehandle(q.getStackTraceHandle());
}

function componentRequest(q: ConstructRequest): RegisterResourceRequest {
  const r = registration(q).setType(q.getType()).setName(q.getName()).setParent(q.getParent());
  r.setDependenciesList(q.getDependenciesList());
  r.setAliasesList(q.getAliasesList() as Alias[]).setAliasspecs(true);
  for (const [name, ref] of entries(q.getProvidersMap())) r.getProvidersMap().set(name, ref);
  const hooks = q.getResourceHooks();
  if (hooks) {
    const own = new RegisterResourceRequest.ResourceHooksBinding();
    own.setBeforeCreateList(hooks.getBeforeCreateList()).setAfterCreateList(hooks.getAfterCreateList());
    own.setBeforeUpdateList(hooks.getBeforeUpdateList()).setAfterUpdateList(hooks.getAfterUpdateList());
    own.setBeforeDeleteList(hooks.getBeforeDeleteList()).setAfterDeleteList(hooks.getAfterDeleteList());
    r.setHooks(own);
  }
  return r;
}

function childRequest(q: ConstructRequest, parent: string, child: Child): RegisterResourceRequest {
  const r = registration(q).setType(child.type).setName(child.name).setParent(parent).setCustom(true);
  r.setObject(toStruct(child.inputs));
  const of = (names: string[]) => [...new Set(names.flatMap((name) => urnsOf(q, name)))];
  r.setDependenciesList([
    ...new Set([...q.getDependenciesList(), ...of(Object.values(child.from).flat()), ...child.after]),
  ]);
  // without any, the engine takes each property to depend on all: a replaced canary would replace the others
  for (const name of Object.keys(child.inputs)) {
    const own = new RegisterResourceRequest.PropertyDependencies().setUrnsList(of(child.from[name] ?? []));
    r.getPropertydependenciesMap().set(name, own);
  }
  const timeouts = q.getCustomtimeouts();
  if (timeouts) {
    const own = new RegisterResourceRequest.CustomTimeouts();
    own.setCreate(timeouts.getCreate()).setUpdate(timeouts.getUpdate()).setDelete(timeouts.getDelete());
    r.setCustomtimeouts(own.setRead(timeouts.getRead()));
  }
  return r;
}

const urnsOf = (q: ConstructRequest, input: string): string[] =>
  q.getInputdependenciesMap().get(input)?.getUrnsList() ?? [];

/** Entries of a map of the protocol, whose types lack them. */
const entries = <V>(map: { forEach(each: (value: V, key: string) => void): void }): [string, V][] => {
  const all: [string, V][] = [];
  map.forEach((value, key) => void all.push([key, value]));
  return all;
};
