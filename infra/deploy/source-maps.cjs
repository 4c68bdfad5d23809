const { mkdirSync, readdirSync, renameSync } = require("node:fs");
const { join } = require("node:path");

/**
 * An esbuild plugin: source maps go to .hubforge/source-maps, for whoever has to read a trace, and not into the zip. Lambda
 * would load 1.8 MB more at every cold start.
 */
module.exports = [
  {
    name: "source-maps-apart",
    setup(build) {
      const { outdir } = build.initialOptions;
      build.initialOptions.sourcemap = "external";
      build.onEnd(() => {
        const place = join(".hubforge/source-maps", outdir.replace(/^.*\.esbuild\/\.build\/?/, ""));
        mkdirSync(place, { recursive: true });
        for (const name of readdirSync(outdir).filter((file) => file.endsWith(".map"))) {
          renameSync(join(outdir, name), join(place, name));
        }
      });
    },
  },
];
