// What ESLint holds the lab's scripts and their tests to; `make scripts` runs it.

import js from "@eslint/js";
import globals from "globals";

const UNSAFE = ["innerHTML", "outerHTML", "insertAdjacentHTML", "srcdoc"]; // the page makes elements, never markup
const VAGUE = ["each", "found", "told", "those", "thing", "things", "stuff", "tmp"]; // a name says what the value is

export default [
  js.configs.recommended,
  {
    languageOptions: { ecmaVersion: 2024, sourceType: "module", globals: globals.browser },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      "max-len": ["error", { code: 130 }],
      "max-lines": ["error", { max: 500 }],
      "max-lines-per-function": ["error", { max: 50, skipBlankLines: true, skipComments: true }],
      "no-unused-vars": ["error", { args: "after-used", argsIgnorePattern: "^_" }],
      "id-denylist": ["error", ...VAGUE],
      "no-restricted-properties": ["error", ...UNSAFE.map((property) => ({ property }))],
      "no-restricted-globals": ["error", "event", "name", "length", "status"],
      "consistent-return": "error",
      "default-param-last": "error",
      eqeqeq: "error",
      "no-eval": "error",
      "no-implied-eval": "error",
      "no-param-reassign": "error",
      "no-shadow": ["error", { allow: ["_"] }],
      "no-undef-init": "error",
      "no-use-before-define": ["error", { functions: false, classes: false, variables: false }],
      "no-var": "error",
      "object-shorthand": "error",
      "prefer-const": "error",
      "prefer-template": "error",
    },
  },
  { files: ["tests/**"], languageOptions: { globals: globals.node } },
];
