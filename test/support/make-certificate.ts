import { execFile } from "node:child_process";
import { mkdtemp, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** A folder with `cert.pem` and `key.pem`. */
export interface TestCertificate {
  readonly folder: string;
  readonly cert: string;
  readonly key: string;
  /** Make a new pair of this name and move it into place, as a renewal does. */
  renew(commonName: string): Promise<void>;
  remove(): Promise<void>;
}

/** Make a self-signed certificate with openssl. */
export async function makeCertificate(commonName: string): Promise<TestCertificate> {
  const folder = await mkdtemp(join(tmpdir(), "holdfast-tls-"));
  const cert = join(folder, "cert.pem");
  const key = join(folder, "key.pem");
  const renew = async (name: string): Promise<void> => {
    const subject = ["-subj", `/CN=${name}`, "-days", "2"];
    const kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
    await run("openssl", [
      "req",
      "-x509",
      ...kind,
      ...subject,
      "-keyout",
      `${key}.new`,
      "-out",
      `${cert}.new`,
    ]);
    await rename(`${cert}.new`, cert);
    await rename(`${key}.new`, key);
  };
  await renew(commonName);
  return { folder, cert, key, renew, remove: () => rm(folder, { recursive: true, force: true }) };
}
