import type { PeerProbe } from "../../src/domain/ports/relay.ts";

type Answer = Awaited<ReturnType<PeerProbe["whoIs"]>>;

/** Answers as the test has written down per address; silent everywhere else. */
export class FakePeerProbe implements PeerProbe {
  readonly asked: string[] = [];
  readonly #answers = new Map<string, Answer>();

  answer(address: string, answer: Answer): this {
    this.#answers.set(address, answer);
    return this;
  }

  async whoIs(address: string): Promise<Answer> {
    this.asked.push(address);
    return this.#answers.get(address) ?? { outcome: "silent" };
  }
}
