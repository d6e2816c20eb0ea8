/** Timers: what programs ask for; the host keeps time. */

import { EINVAL, type Helper, u32 } from "./host.ts";

export const timer: Record<number, Helper> = {
  169: (ctx, at, map, flags) => ctx.timers?.init(at, map, u32(flags)) ?? -EINVAL,
  170: (ctx, at, callback) => ctx.timers?.setCallback(at, callback) ?? -EINVAL,
  171: (ctx, at, nanoseconds, flags) => ctx.timers?.start(at, nanoseconds, u32(flags), ctx.now) ?? -EINVAL,
  172: (ctx, at) => ctx.timers?.cancel(at) ?? -EINVAL,
};
