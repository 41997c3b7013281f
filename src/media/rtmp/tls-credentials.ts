import { readFileSync, watch, type FSWatcher } from "node:fs";
import { dirname } from "node:path";
import { createSecureContext, type SecureContext } from "node:tls";
import type { Logger } from "pino";
import { HoldfastError } from "../../domain/errors.ts";

/** PEM files. */
export interface TlsFiles {
  /** The certificate, with its chain. */
  readonly cert: string;
  readonly key: string;
}

/** A renewal writes two files; they are read together once it is quiet for this long. */
const SETTLE_MS = 200;
/** For file systems that report no changes. */
const POLL_MS = 60_000;

interface Pem {
  readonly cert: Buffer;
  readonly key: Buffer;
}

/**
 * Certificate and key of RTMPS, read again when they change.
 *
 * Directories are watched, not files: tools replace files, and Kubernetes swaps a symlink beside them. A pair that
 * cannot be read or does not match never replaces a good one.
 */
export class TlsCredentials {
  readonly #files: TlsFiles;
  readonly #log: Logger;
  readonly #watchers: FSWatcher[] = [];
  #pem: Pem;
  #context: SecureContext;
  #settle: NodeJS.Timeout | undefined;
  #poll: NodeJS.Timeout | undefined;
  #complaint = "";

  /** @throws HoldfastError `CONFIG_INVALID` naming the file that is wrong */
  constructor(files: TlsFiles, log: Logger) {
    this.#files = files;
    this.#log = log;
    this.#pem = read(files);
    this.#context = contextOf(this.#pem, files);
  }

  /** For new connections; the present ones keep theirs. */
  get context(): SecureContext {
    return this.#context;
  }

  watch(): void {
    for (const directory of new Set([dirname(this.#files.cert), dirname(this.#files.key)])) {
      try {
        const watcher = watch(directory, { persistent: false }, () => this.#changed());
        watcher.on("error", (error) => this.#complain(error));
        this.#watchers.push(watcher);
      } catch (error) {
        // Such as no inotify watches left: the poll does it, later.
        this.#complain(error);
      }
    }
    this.#poll = setInterval(() => this.#reload(), POLL_MS);
    this.#poll.unref();
  }

  close(): void {
    for (const watcher of this.#watchers.splice(0)) watcher.close();
    clearTimeout(this.#settle);
    clearInterval(this.#poll);
  }

  #changed(): void {
    clearTimeout(this.#settle);
    this.#settle = setTimeout(() => this.#reload(), SETTLE_MS);
    this.#settle.unref();
  }

  #reload(): void {
    try {
      const pem = read(this.#files);
      if (pem.cert.equals(this.#pem.cert) && pem.key.equals(this.#pem.key)) return;
      this.#context = contextOf(pem, this.#files);
      this.#pem = pem;
      this.#complaint = "";
      this.#log.info({ cert: this.#files.cert }, "certificate reloaded");
    } catch (error) {
      this.#complain(error);
    }
  }

  #complain(error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    if (reason === this.#complaint) return;
    this.#complaint = reason;
    this.#log.warn({ cert: this.#files.cert, reason }, "certificate not reloaded, the former one stays");
  }
}

function read(files: TlsFiles): Pem {
  return { cert: readPem(files.cert, "rtmps.cert"), key: readPem(files.key, "rtmps.key") };
}

function readPem(file: string, setting: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? String(error);
    throw new HoldfastError(
      "CONFIG_INVALID",
      { detail: `${setting}: ${file} cannot be read (${code})`, file },
      { cause: error },
    );
  }
}

function contextOf(pem: Pem, files: TlsFiles): SecureContext {
  try {
    createSecureContext({ cert: pem.cert });
  } catch (error) {
    throw refused(`rtmps.cert: ${files.cert} holds no PEM certificate`, files.cert, error);
  }
  try {
    createSecureContext({ key: pem.key });
  } catch (error) {
    throw refused(`rtmps.key: ${files.key} holds no PEM private key without a passphrase`, files.key, error);
  }
  try {
    return createSecureContext({ cert: pem.cert, key: pem.key });
  } catch (error) {
    throw refused(
      `rtmps.key: ${files.key} is not the key of the certificate in ${files.cert}`,
      files.key,
      error,
    );
  }
}

function refused(detail: string, file: string, cause: unknown): HoldfastError {
  return new HoldfastError("CONFIG_INVALID", { detail, file }, { cause });
}
