/** Channels between the threads of this process, read without waiting for the event loop. */

import { BroadcastChannel, receiveMessageOnPort } from "node:worker_threads";
import type { Channel } from "../service.ts";

export function openChannel(name: string): Channel {
  const channel = new BroadcastChannel(name);
  // An open channel does not keep a thread alive.
  (channel as unknown as { unref(): void }).unref();
  return {
    post: (message) => channel.postMessage(message),
    take: () => receiveMessageOnPort(channel as never)?.message,
    listen: (listener) => {
      channel.onmessage = (event) => listener((event as { data: unknown }).data);
      (channel as unknown as { unref(): void }).unref();
    },
    close: () => channel.close(),
  };
}
