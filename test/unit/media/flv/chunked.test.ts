import assert from "node:assert/strict";
import { test } from "node:test";
import { ChunkedFraming } from "../../../../src/media/flv/chunked.ts";

test("a batch is framed as a chunk, once for all who take it", () => {
  const framing = new ChunkedFraming();
  const batch = Buffer.alloc(300, "x");
  const framed = framing.frame(batch);
  assert.equal(framed.toString("latin1"), `12c\r\n${"x".repeat(300)}\r\n`);
  assert.equal(framing.frame(batch), framed);
  assert.notEqual(framing.frame(Buffer.from(batch)), framed);
});
