// @ts-check
// The network: its nodes one after the other, as the page's facts list them.

import { OPERATIONS } from "./operations.js";
import { readConstant } from "./weights.js";

/**
 * Prepare a network.
 * @param {{input: string, output: string, nodes: any[], constants: Record<string, any>}} facts
 * @param {Uint8Array} bytes the constants that are not written out
 * @returns {(input: import("./operations.js").Value) => Map<string, import("./operations.js").Value>}
 *   from an image [channels, height, width] to what each node makes of it, by name
 */
export function makeNetwork({ input, nodes, constants }, bytes) {
  const prepared = nodes.map(({ operation, inputs, output, attributes }) => {
    const [given, computed] = [[], []];
    for (const source of inputs) {
      if (source in constants) given.push(readConstant(constants[source], bytes));
      else computed.push(source);
    }
    return { compute: OPERATIONS[operation](attributes, given), computed, output };
  });
  return (image) => {
    const values = new Map([[input, image]]);
    for (const { compute, computed, output } of prepared) {
      values.set(output, compute(...computed.map((source) => values.get(source))));
    }
    return values;
  };
}
