// @ts-check
// Korean particles, whose form depends on the sound that the word before ends in: as imagelet/particles.py says it.

const PAIR = /은\(는\)|이\(가\)|을\(를\)|과\(와\)|\(으\)로|\(이\)에요|\(이\)(?=[라나])/g;
/** @type {Record<string, [string, string]>} behind a consonant, behind a vowel */
const FORMS = {
  "은(는)": ["은", "는"],
  "이(가)": ["이", "가"],
  "을(를)": ["을", "를"],
  "과(와)": ["과", "와"],
  "(으)로": ["으로", "로"],
  "(이)에요": ["이에요", "예요"],
  "(이)": ["이", ""],
};
const DIGITS = ["ㅇ", "ㄹ", "", "ㅁ", "", "", "ㄱ", "ㄹ", "ㄹ", ""]; // 영 일 이 삼 사 오 육 칠 팔 구
/** @type {Record<string, string>} 엘 엠 엔 알; all other names end in a vowel */
const LETTERS = { L: "ㄹ", M: "ㅁ", N: "ㄴ", R: "ㄹ" };
const ASIDE = /(?:\s*\([^()]*\)|[’”'")\]}>])+$/; // quotes and brackets are not read aloud
const SPELLED = /(?:^|[^A-Za-z])(?:[A-Z]+|[b-df-hj-np-tv-xz]+)$/; // in capitals or without a vowel: letter by letter
/** @type {[RegExp, string][]} an English word as Koreans say it */
const SOUNDS = [
  [/(?:l|le)$/i, "ㄹ"],
  [/(?:[mn]e?|ng|[aeiou]p|[aeiou]ck|net|set|out)$/i, "ㄴ"],
];

/** A Korean text in which each pair of particles has become the one that fits the word before. */
export function withParticles(/** @type {string} */ text) {
  return text.replace(PAIR, (pair, /** @type {number} */ start) => {
    const final = finalSound(text.slice(0, start));
    const [afterConsonant, afterVowel] = FORMS[pair];
    return final === "" || (pair === "(으)로" && final === "ㄹ") ? afterVowel : afterConsonant;
  });
}

/** The consonant that the last word is spoken with at its end, "" for a vowel; only ㄹ is told apart from others. */
function finalSound(/** @type {string} */ text) {
  const word = text.replace(ASIDE, "");
  const last = word.slice(-1);
  if (last >= "가" && last <= "힣") {
    const final = (last.charCodeAt(0) - "가".charCodeAt(0)) % 28;
    return final === 0 ? "" : final === 8 ? "ㄹ" : "ㄴ";
  }
  if (/[0-9]$/.test(word)) return DIGITS[Number(last)];
  if (SPELLED.test(word)) return LETTERS[last.toUpperCase()] ?? "";
  return SOUNDS.find(([ending]) => ending.test(word))?.[1] ?? "";
}
