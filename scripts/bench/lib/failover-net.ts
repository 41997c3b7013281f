import { execFileSync } from "node:child_process";

const HUB = "10.99.0.1";
const ISLAND = "10.99.0.2";

/**
 * Two hosts: this one, where everything runs, and an island that one cable leads to. Both live in the network namespace
 * of this process, which `scripts/bench/failover` made; the kernel takes it down with the process.
 */
export class Island {
  readonly hub = HUB;
  readonly address = ISLAND;
  readonly #name = `hf-island-${process.pid}`;
  #made = false;

  /** Lay the cable. */
  make(): void {
    ip("netns", "add", this.#name);
    this.#made = true;
    ip("link", "add", "hub0", "type", "veth", "peer", "name", "island0");
    ip("link", "set", "island0", "netns", this.#name);
    ip("addr", "add", `${HUB}/24`, "dev", "hub0");
    ip("link", "set", "hub0", "up");
    this.#inside("ip", "addr", "add", `${ISLAND}/24`, "dev", "island0");
    this.#inside("ip", "link", "set", "island0", "up");
    this.#inside("ip", "link", "set", "lo", "up");
  }

  /** The words that start a program there. */
  command(...words: string[]): string[] {
    return ["ip", "netns", "exec", this.#name, ...words];
  }

  /** From now on nothing comes through, in either direction, and nobody is told. */
  cut(): void {
    ip("link", "set", "hub0", "down");
  }

  mend(): void {
    ip("link", "set", "hub0", "up");
  }

  remove(): void {
    if (this.#made) ip("netns", "delete", this.#name);
    this.#made = false;
  }

  #inside(...words: string[]): void {
    const [program = "", ...args] = this.command(...words);
    execFileSync(program, args);
  }
}

function ip(...args: string[]): void {
  execFileSync("ip", args);
}
