import * as z from "zod";
import { eventData } from "./envelope.ts";

const { server, session } = eventData;

const question = {
  /** When the hub listed its sessions: a token made after that is no left-over. */
  timestamp: z.iso.datetime({ offset: true }),
  data: z.object({
    ...eventData,
    /** All live ones of that hub user, the asking one among them. */
    sessions: z.array(z.object({ server, session })),
  }),
};

/** What a hub posts to `/v1/workspaces` (functions/workspaces/README.md). Fields that are not named here are ignored. */
export const WorkspaceRequest = z.discriminatedUnion("type", [
  z.object({ type: z.literal("workspace.status"), ...question }),
  z.object({ type: z.literal("workspace.credentials"), ...question }),
]);
export type WorkspaceRequest = z.infer<typeof WorkspaceRequest>;
