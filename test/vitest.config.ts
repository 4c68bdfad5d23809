import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

export default defineConfig({
  root: fileURLToPath(new URL("..", import.meta.url)),
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: ["test/global-setup.ts", "test/contract/gitea-replayed.ts"],
    // Most files wait for processes of their own: two at a time fill two cores without starving one another.
    maxWorkers: 2,
    // Busy cores need patience, and it costs nothing where all is well.
    testTimeout: 60_000,
    hookTimeout: 180_000,
    expect: { poll: { timeout: 30_000, interval: 20 } },
    // The SQS client refuses to start without a region and keys; the emulator accepts any.
    env: { AWS_REGION: "eu-central-1", AWS_ACCESS_KEY_ID: "test", AWS_SECRET_ACCESS_KEY: "test", NO_COLOR: "1" },
    coverage: { provider: "v8", include: ["functions/**", "shared/**", "infra/**"], reportsDirectory: ".coverage" },
  },
});
