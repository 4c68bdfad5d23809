import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { parse } from "yaml";
import * as z from "zod";

const ROOT = new URL("..", import.meta.url);
const read = (path: string) => readFileSync(new URL(path, ROOT), "utf8");

/** The keys of Zero to JupyterHub 4 that the example uses, as its configuration reference names and types them. */
const File = z.strictObject({ hubforge: z.strictObject({ mountPath: z.string().startsWith("/") }) });
const Values = z.strictObject({
  hub: z.strictObject({
    extraFiles: File,
    extraConfig: z.record(z.string(), z.string()),
    extraEnv: z.record(z.string(), z.unknown()),
    extraVolumes: z.array(z.looseObject({ name: z.string() })),
    extraVolumeMounts: z.array(z.strictObject({ name: z.string(), mountPath: z.string() })),
  }),
  singleuser: z.strictObject({
    extraFiles: File,
    cmd: z.array(z.string()),
    networkPolicy: z.strictObject({ egress: z.array(z.unknown()) }),
  }),
});

it("the values for Zero to JupyterHub are YAML of its keys, and what they name fits together", () => {
  const { hub, singleuser } = Values.parse(parse(read("infra/jupyterhub/values.example.yaml")));
  const [folder] = hub.extraFiles.hubforge.mountPath.split("/hubforge_hub.py");
  const [config = ""] = Object.values(hub.extraConfig);
  expect(config).toContain(`sys.path.insert(0, "${folder}")`);
  execFileSync("python3", ["-c", "import ast, sys; ast.parse(sys.stdin.read())"], { input: config });
  expect(Object.keys(hub.extraConfig).every((key) => key > "z")).toBe(true); // after the admin's own
  const source = read("infra/jupyterhub/hubforge_hub.py");
  for (const variable of Object.keys(hub.extraEnv)) expect(source).toContain(`"${variable}"`);
  expect(hub.extraEnv["HUBFORGE_OUTBOX"]).toMatch(new RegExp(`^${hub.extraVolumeMounts[0]?.mountPath}/`));
  expect(hub.extraVolumes[0]?.name).toBe(hub.extraVolumeMounts[0]?.name);
  expect(singleuser.cmd).toContain(singleuser.extraFiles.hubforge.mountPath);
  expect(source).toContain(singleuser.cmd[2]);
  expect(read("infra/jupyterhub/README.md")).toContain(singleuser.cmd[2]);
});
