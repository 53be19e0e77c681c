// @ts-check
// Who opened the page: the lab's owner, or in a class the teacher or a pupil; and the tabs that they have.

import { api } from "./api.js";
import { CLASS_TABS, TABS, useTabs } from "./state.js";

const [CLASS, WRITE] = CLASS_TABS;
const PUPILS = ["draw", "layers", "network", "course"];

/** What the server says of who opened the page. @type {{role: string, writing: boolean, classifier: string | null}} */
export const session = { role: "owner", writing: false, classifier: null };

/** The tabs of a role, the first of which opens by itself. */
export function tabsFor({ role, writing }) {
  if (role === "teacher") return [...TABS, CLASS];
  if (role === "pupil") return writing ? [WRITE, ...PUPILS] : [...PUPILS, WRITE];
  return TABS;
}

/** Ask the server who opened the page. Where it does not answer, the tabs say so themselves. */
export async function readSession() {
  Object.assign(session, await api.get("/api/session").catch(() => null));
  useTabs(tabsFor(session));
}

/** Whether the page may train, keep pictures and delete: a pupil's may not. */
export const mayChange = () => session.role !== "pupil";
