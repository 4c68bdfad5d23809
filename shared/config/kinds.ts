import * as z from "zod";

/** The kinds of values that settings have; each starts from the text of an environment variable. */

export const flag = (byDefault: boolean) =>
  z
    .enum(["true", "false"])
    .default(byDefault ? "true" : "false")
    .transform((text) => text === "true");

export const wholeNumber = (minimum: number, maximum: number, byDefault: number) =>
  z
    .string()
    .regex(/^\d+$/, "must be a whole number")
    .default(String(byDefault))
    .transform(Number)
    .pipe(z.int().min(minimum).max(maximum));

/** Separated by spaces, commas or both. */
export const words = z
  .string()
  .default("")
  .transform((text) => text.split(/[\s,]+/).filter((word) => word !== ""));

/** JSON in a variable; a parse error is reported like any other wrong value. */
export const json = <Schema extends z.ZodType>(schema: Schema) =>
  z
    .string()
    .transform((text, context) => {
      try {
        return JSON.parse(text);
      } catch {
        context.addIssue({ code: "custom", message: "must be JSON" });
        return z.NEVER;
      }
    })
    .pipe(schema);

/** URLs are shown to people, in messages and in starter files; a password has a setting of its own. */
const holdsNobody = (text: string) => {
  const { username, password } = URL.parse(text) ?? { username: "", password: "" };
  return username === "" && password === "";
};
const NOBODY = { message: "must not hold a user name or password" };

/** Without the slash at its end. */
export const httpUrl = z
  .url({ protocol: /^https?$/, message: "must be an http or https URL" })
  .refine(holdsNobody, NOBODY)
  .transform((url) => url.replace(/\/+$/, ""));

export const ldapUrl = z
  .url({ protocol: /^ldaps?$/, message: "must be ldap:// or ldaps:// URLs" })
  .refine(holdsNobody, NOBODY);

/** Anything else may be a key that went into the wrong variable, and a file that is not found is named by its path. */
export const certificates = z
  .string()
  .refine((text) => text.includes("-----BEGIN CERTIFICATE-----") || /^(?!.*-----)[^\r\n]{1,255}$/.test(text), {
    message: "must be PEM text with a certificate, or the path of a file that holds some",
  });

/** A name for each person: Gitea's teams and repositories take the same characters. */
export const withUsername = (byDefault: string) =>
  z
    .string()
    .default(byDefault)
    .refine((pattern) => pattern.includes("{username}"), {
      message: "must contain {username}: without it everybody would share one",
    })
    .refine((pattern) => /^[-.\w]*$/.test(pattern.replaceAll("{username}", "")), {
      message: "may have letters, digits, - . and _ beside {username}",
    });

/** `whsec_` and at least 24 bytes in base64, as Standard Webhooks asks. */
export const webhookSecret = z.string().refine((secret) => /^whsec_[A-Za-z0-9+/]{32,}={0,2}$/.test(secret), {
  message: "each secret must be whsec_ and at least 24 random bytes in base64",
});
