import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test, type TestContext } from "node:test";
import { HoldfastError } from "../../src/domain/errors.ts";
import { receiveBudgets } from "../../src/media/receive-budgets.ts";
import { runExecPull, type ExecPullCase } from "../support/run-exec-pull.ts";
import { processesOf } from "../support/process-list.ts";
import { sampleFlv, sampleStream } from "../support/sample-stream.ts";
import { waitFor } from "../support/wait.ts";

const media = sampleStream({ duration: 1_500 });
let dir: string;
/** 1.5 s of media. */
let short: string;
/** An hour, small. */
let long: string;

before(async () => {
  dir = await mkdtemp(join(tmpdir(), "holdfast-exec-"));
  short = join(dir, "short.flv");
  long = join(dir, "long.flv");
  await writeFile(short, sampleFlv(media));
  await writeFile(long, sampleFlv(sampleStream({ duration: 3_600_000, every: 200 })));
});
after(() => rm(dir, { recursive: true, force: true }));

/** How a pull of this command ends, when it is one that ends. */
async function endOf(t: TestContext, command: string, options?: ExecPullCase): Promise<HoldfastError> {
  const reason = await runExecPull(t, command, options).end;
  assert.ok(reason instanceof HoldfastError, String(reason));
  return reason;
}

test("a program that writes FLV and ends with 0 delivers all packets and ends in order", async (t) => {
  const pull = runExecPull(t, `cat ${short}`);
  assert.equal(await pull.end, undefined);
  assert.equal(pull.opened, 1);
  assert.deepEqual(pull.packets, media);
});

test("what it wrote before it failed is delivered; its last words are in the error, without secrets", async (t) => {
  const script = `cat ${short}; echo starting >&2; printf "\\033[31mno route to rtsp://u:hidden@cam/1?k=v\\n" >&2; exit 3`;
  const pull = runExecPull(t, `sh -c '${script}'`);
  const reason = (await pull.end) as HoldfastError;
  assert.equal(reason.code, "SOURCE_FAILED");
  assert.equal(
    reason.message,
    "the program ended with exit code 3: starting | no route to rtsp://***@cam/1?k=***",
  );
  assert.equal(pull.packets.length, media.length);
});

test("a program that a signal ends has failed", async (t) => {
  const reason = await endOf(t, `sh -c 'cat ${short}; kill -SEGV $$'`);
  assert.equal(`${reason.code} ${reason.message}`, "SOURCE_FAILED the program was ended by SIGSEGV");
});

test("a program that is not there, or cannot be run, is not supported here", async (t) => {
  const missing = await endOf(t, "no-such-program-at-all -x");
  assert.equal(missing.code, "SOURCE_UNSUPPORTED");
  assert.match(missing.message, /no-such-program-at-all is not installed/);
  assert.equal((await endOf(t, `${short} -x`)).code, "SOURCE_UNSUPPORTED");
  assert.equal((await endOf(t, `sh -c 'exec ${dir}/nothing'`)).code, "SOURCE_UNSUPPORTED");
});

test("nothing is run unless it is allowed", async (t) => {
  const proof = join(dir, "proof");
  const reason = await endOf(t, `touch ${proof}`, { allowExec: false });
  assert.equal(reason.code, "SOURCE_UNSUPPORTED");
  assert.match(reason.message, /ingest\.allowExec/);
  await assert.rejects(readFile(proof), { code: "ENOENT" });
});

test("nothing is run without a lease", async (t) => {
  const proof = join(dir, "proof");
  assert.equal((await endOf(t, `touch ${proof}`, { validFor: () => 0 })).code, "LEASE_LOST");
  await assert.rejects(readFile(proof), { code: "ENOENT" });
});

test("no shell reads the command line", async (t) => {
  const file = join(dir, "a b$(id);'.flv");
  await writeFile(file, sampleFlv(media));
  const quoted = `"${file.replaceAll("$", String.raw`\$`)}"`;
  assert.equal(await runExecPull(t, `cat ${quoted}`).end, undefined);
  assert.match((await endOf(t, `cat ${short} | cat`)).message, /needs a shell/);
  assert.match((await endOf(t, `cat '${short}`)).message, /a quote ' is not closed/);
});

test("a program finds PATH, HOME, LANG and HOLDFAST_STREAM in its environment, and nothing else", async (t) => {
  process.env["HOLDFAST_SECRET_OF_TEST"] = "x";
  t.after(() => delete process.env["HOLDFAST_SECRET_OF_TEST"]);
  const reason = await endOf(t, "node -e 'console.error(Object.keys(process.env).sort().join()); console.error(process.env.HOLDFAST_STREAM); process.exit(1)'"); // prettier-ignore
  const [names = "", stream] = reason.message.replace(/^.*?code 1: /, "").split(" | ");
  assert.equal(stream, "live/cam");
  for (const name of names.split(",")) assert.ok(["PATH", "HOME", "LANG", "HOLDFAST_STREAM", "PWD", "OLDPWD", "SHLVL", "_"].includes(name), names); // prettier-ignore
});

test("a program cannot read what the guard is told", async (t) => {
  const reason = await endOf(t, `sh -c 'read -r line && echo "heard $line" >&2; ls /proc/$$/fd >&2; exit 1'`);
  assert.doesNotMatch(reason.message, /heard/);
  assert.equal((await endOf(t, "sh -c 'cat <&3'")).code, "SOURCE_FAILED");
});

test("a program that sends nothing is unreachable in time", async (t) => {
  const reason = await endOf(t, "sleep 60", { connectTimeout: 300 });
  assert.equal(`${reason.code} ${reason.message}`, "SOURCE_UNREACHABLE the program sent nothing for 300 ms");
});

test("a program that falls silent has failed, also while it sends what is no media", async (t) => {
  const silent = await endOf(t, `sh -c 'cat ${short}; exec sleep 60'`, { idleTimeout: 300 });
  assert.match(silent.message, /no audio and no video for 300 ms/);
  // Empty data tags, without end.
  const tag = String.raw`\022\0\0\0\0\0\0\0\0\0\0\0\0\0\013`;
  const busy = `sh -c 'cat ${short}; while printf "${tag}"; do sleep 0.05; done'`;
  assert.match((await endOf(t, busy, { idleTimeout: 500 })).message, /no audio and no video/);
});

const WRONG: readonly (readonly [name: string, command: string, message: RegExp])[] = [
  ["what is not FLV", "head -c 100000 /dev/zero", /this is not FLV/],
  ["endless noise", "cat /dev/urandom", /not FLV/],
  ["a tag that is too long", String.raw`printf "FLV\001\005\0\0\0\011\0\0\0\0\011\377\377\377\0\0\0\0\0\0\0"`, /too long/], // prettier-ignore
  ["an end within a tag", `head -c 1000 SHORT`, /in the middle of an FLV tag/],
  ["nothing at all", "true", /without sending anything/],
];

for (const [name, command, message] of WRONG) {
  test(`a source that sends ${name} has failed`, async (t) => {
    const limits = { messageAfterPublish: 1_000_000, messagesPerSecond: 10_000 };
    const reason = await endOf(t, command.replace("SHORT", short), { limits });
    assert.equal(reason.code, "SOURCE_FAILED");
    assert.match(reason.message, message);
  });
}

test("a flood of what is no media does not pass for media", async (t) => {
  // Tags of a type that nobody knows, as fast as they can be written.
  const tag = Buffer.from([7, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 12]);
  const flood = join(dir, "flood");
  await writeFile(flood, Buffer.concat(Array<Buffer>(50_000).fill(tag)));
  const command = `sh -c 'cat ${short}; while cat ${flood}; do :; done'`;
  assert.match((await endOf(t, command, { idleTimeout: 500 })).message, /no audio and no video for 500 ms/);
});

test("a program that closes its output and goes on has failed", async (t) => {
  const pull = runExecPull(t, `sh -c 'cat ${short}; exec >&-; exec sleep 60'`);
  assert.equal(((await pull.end) as HoldfastError).message, "the program closed its output, but did not end");
  assert.equal(pull.packets.length, media.length);
});

test("the memory of a tag that did not come whole is given back", async (t) => {
  const budgets = receiveBudgets({ halfReceivedTotal: 1_000_000, halfReceivedBeforePublish: 1_000 });
  const half = join(dir, "half.flv");
  const packet = { type: "video", timestamp: 0, payload: Buffer.alloc(500_000, 0x27) } as const;
  await writeFile(half, sampleFlv([packet]).subarray(0, 300_000));
  const pull = runExecPull(t, `sh -c 'cat ${half}; exec sleep 60'`, { budgets });
  await waitFor(() => budgets.all.taken > 0, { within: 20_000 });
  const reason = new HoldfastError("STOPPING");
  pull.abort(reason);
  assert.equal(await pull.end, reason);
  assert.equal(budgets.all.taken, 0);
});

test("an abort ends a pull that waits for its time", async (t) => {
  const pull = runExecPull(t, `cat ${long}`);
  await waitFor(() => (pull.packets.at(-1)?.timestamp ?? 0) >= 2_000, { within: 20_000 });
  const reason = new HoldfastError("STOPPING");
  pull.abort(reason);
  assert.equal(await pull.end, reason);
});

test("more tags a second than allowed end the pull", async (t) => {
  const limits = { messageAfterPublish: 1_000_000, messagesPerSecond: 50 };
  assert.match((await endOf(t, `cat ${short}`, { limits })).message, /too many tags/);
});

test("what the sink throws ends the pull", async (t) => {
  const reason = new Error("the lease is over");
  const onPacket = (): void => {
    throw reason;
  };
  assert.equal(await runExecPull(t, `cat ${short}`, { onPacket }).end, reason);
});

test("a file is taken at the speed at which it plays, though the program is faster", async (t) => {
  const began = performance.now();
  const pull = runExecPull(t, `cat ${long}`);
  const newest = (): number => pull.packets.at(-1)?.timestamp ?? 0;
  await waitFor(() => newest() >= 5_000, { within: 30_000 });
  assert.ok(performance.now() - began >= 2_900, "5 s of media in less than 3 s");
  assert.ok(newest() <= performance.now() - began + 2_100, `${newest()}`);
});

test("an abort ends the program and all that it started, before the pull settles", async (t) => {
  const mark = `60.${process.pid}1`;
  const pull = runExecPull(
    t,
    `sh -c 'trap "" TERM; (trap "" TERM; sleep ${mark}) & cat ${short}; sleep ${mark}; wait'`,
  );
  await waitFor(() => pull.packets.length > 0, { within: 20_000 });
  assert.ok((await processesOf(mark)).length >= 2);
  const reason = new HoldfastError("STOPPING");
  pull.abort(reason);
  assert.equal(await pull.end, reason);
  assert.deepEqual(await processesOf(mark), []);
});

test("what a program leaves behind is ended when it ends", async (t) => {
  const mark = `60.${process.pid}2`;
  const pull = runExecPull(t, `sh -c 'sleep ${mark} & cat ${short}'`);
  assert.equal(await pull.end, undefined);
  assert.equal(pull.packets.length, media.length);
  assert.deepEqual(await processesOf(mark), []);
});

test("on an abort a program may say goodbye; not when the lease is lost", async (t) => {
  for (const [reason, says] of [
    [new HoldfastError("STOPPING"), true],
    [new HoldfastError("LEASE_LOST"), false],
  ] as const) {
    const proof = join(dir, `goodbye-${reason.code}`);
    const pull = runExecPull(
      t,
      `sh -c 'trap "echo bye >${proof}; exit 0" TERM; cat ${short}; sleep 60 & wait'`,
    );
    await waitFor(() => pull.packets.length === media.length, { within: 20_000 });
    pull.abort(reason);
    assert.equal(await pull.end, reason);
    assert.equal(await readFile(proof, "utf8").catch(() => ""), says ? "bye\n" : "");
  }
});

test("a program runs no longer than its lease", async (t) => {
  const began = performance.now();
  const deadline = began + 1_500;
  const pull = runExecPull(t, `sh -c 'cat ${short}; sleep 60'`, {
    validFor: () => deadline - performance.now(),
  });
  assert.equal(((await pull.end) as HoldfastError).code, "LEASE_LOST");
  assert.ok(performance.now() - began >= 1_400);
});

test("a program whose lease is renewed runs on", async (t) => {
  const began = performance.now();
  const validFor = (): number => (performance.now() - began < 4_000 ? 1_500 : 0);
  const pull = runExecPull(t, `sh -c 'cat ${short}; sleep 60'`, { validFor });
  assert.equal(((await pull.end) as HoldfastError).code, "LEASE_LOST");
  assert.ok(performance.now() - began >= 3_900, "it was killed before its time");
});

test("a program without its guard is ended", async (t) => {
  const mark = `60.${process.pid}3`;
  const pull = runExecPull(t, `sh -c 'cat ${short}; echo $PPID $$ >&2; exec sleep ${mark}'`);
  const [program] = await waitFor(
    async () => {
      const found = (await processesOf(`sleep ${mark}`)).filter(({ command }) => command === `sleep ${mark}`);
      return found.length > 0 && found;
    },
    { within: 20_000 },
  );
  const guards = (await processesOf("exec-guard.sh")).filter(({ group }) => group === program?.pid);
  assert.ok(guards.length >= 1);
  for (const { pid } of guards) process.kill(pid, "SIGKILL");
  assert.match(((await pull.end) as HoldfastError).message, /ended by SIGKILL/);
  assert.deepEqual(await processesOf(mark), []);
});

test("a flood of standard error takes nothing from the media", async (t) => {
  const pull = runExecPull(t, `sh -c '(exec yes "a line of standard error" >&2) & cat ${short}'`);
  assert.equal(await pull.end, undefined);
  assert.equal(pull.packets.length, media.length);
});
