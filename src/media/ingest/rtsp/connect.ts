import { connect, type Socket } from "node:net";
import { HoldfastError } from "../../../domain/errors.ts";

/** Connect by TCP. @throws HoldfastError `SOURCE_UNREACHABLE`; the signal's reason */
export function connectTo(host: string, port: number, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const socket = connect({ host, port, noDelay: true });
    const abort = (): void => {
      socket.destroy();
      reject(signal.reason);
    };
    const fail = ({ message }: Error): void => {
      signal.removeEventListener("abort", abort);
      reject(new HoldfastError("SOURCE_UNREACHABLE", { detail: message }));
    };
    signal.addEventListener("abort", abort, { once: true });
    socket.once("error", fail);
    socket.once("connect", () => {
      signal.removeEventListener("abort", abort);
      socket.removeListener("error", fail);
      resolve(socket);
    });
  });
}
