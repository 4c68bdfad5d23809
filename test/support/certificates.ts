import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

const NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];

/** Files of a private authority and of a server certificate it signed, for the names in `subjectAltName`. */
export type Certificates = { authority: string; certificate: string; key: string; remove: () => Promise<void> };

/** Made fresh with the `openssl` program, so that nothing in the repository ever expires. */
export async function makeCertificates(subjectAltName = "DNS:localhost,IP:127.0.0.1"): Promise<Certificates> {
  const dir = await mkdtemp(join(tmpdir(), "hubforge-tls-"));
  const file = (name: string) => join(dir, name);
  const openssl = (...parts: string[]) => run("openssl", parts, { cwd: dir });
  await openssl(
    "req",
    "-x509",
    ...NEW_KEY,
    "-days",
    "2",
    "-subj",
    "/CN=Test authority",
    "-keyout",
    "ca.key",
    "-out",
    "ca.crt",
  );
  await openssl("req", ...NEW_KEY, "-subj", "/CN=slapd", "-keyout", "server.key", "-out", "server.csr");
  await writeFile(file("san"), `subjectAltName=${subjectAltName}`);
  const signing = ["-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "san", "-days", "2"];
  await openssl("x509", "-req", "-in", "server.csr", ...signing, "-out", "server.crt");
  return {
    authority: file("ca.crt"),
    certificate: file("server.crt"),
    key: file("server.key"),
    remove: () => rm(dir, { recursive: true, force: true }),
  };
}
