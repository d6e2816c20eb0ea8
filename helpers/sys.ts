/** C library and system helpers: memory, time, environment. */

import { ARCHES } from "../formats/container.ts";
import { bytes64, type Helper, type HelperContext, i32, sizeOf, text, u32, utf8, type Word } from "./host.ts";

/** Strings that an instance was given: allocated once, valid until it ends. */
const given = new WeakMap<HelperContext, Map<string, Word>>();

function lend(ctx: HelperContext, key: string, value: string): Word {
  let strings = given.get(ctx);
  if (strings === undefined) given.set(ctx, (strings = new Map()));
  let address = strings.get(key);
  if (address === undefined) {
    const bytes = utf8(`${value}\0`);
    address = ctx.alloc(bytes.length);
    if (address === 0) return 0;
    ctx.write(address, bytes);
    strings.set(key, address);
  }
  return address;
}

const getenv: Helper = (ctx, name) => {
  const key = text(ctx.cstring(name));
  const value = ctx.env(key);
  return value === undefined ? 0 : lend(ctx, `env ${key}`, value);
};

const time: Helper = (ctx, to) => {
  const seconds = Math.floor(ctx.wallclock());
  if (to !== 0) ctx.write(to, bytes64(seconds));
  return seconds;
};

export const sys: Record<number, Helper> = {
  1000001: (ctx, size) => ctx.alloc(sizeOf(size)),
  1000002: (ctx, address) => {
    if (address !== 0) ctx.free(address);
  },
  1000005: (ctx, address, size) =>
    address === 0 ? ctx.alloc(sizeOf(size)) : ctx.realloc(address, sizeOf(size)),
  1000104: (ctx, microseconds) => {
    ctx.sleep(u32(microseconds));
    return 0;
  },
  1000105: (ctx, code) => ctx.exit(i32(code)),
  1000108: getenv,
  1000109: (ctx) => Math.floor(ctx.cputime()),
  1000110: time,
  1000490: () => 0,
  1000491: (ctx) => ARCHES[ctx.arch],
  1000497: (ctx) => lend(ctx, "environment", ctx.environment),
};
