import type { Person } from "./person.ts";

/**
 * Sparkmagic's settings (`sparkmagic/utils/configuration.py` of 0.23 lists the keys): every kernel talks to the platform's
 * Livy proxy without a password of its own.
 */
export function sparkmagicConfig({ livyUrl }: Person): string {
  const endpoint = { username: "", password: "", url: livyUrl, auth: "None" };
  const settings = {
    kernel_python_credentials: endpoint,
    kernel_scala_credentials: endpoint,
    kernel_r_credentials: endpoint,
    session_configs: { driverMemory: "1g", executorMemory: "1g", executorCores: 1, numExecutors: 2 },
    // On Kubernetes a first session may have to pull an image; Sparkmagic would give up after 60 s.
    livy_session_startup_timeout_seconds: 300,
    cleanup_all_sessions_on_exit: true,
  };
  return `${JSON.stringify(settings, null, 2)}\n`;
}
