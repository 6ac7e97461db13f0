declare module 'passive-voice' {
  /** Where the passives are in a text: a form of `be` and a participle. */
  export default function passiveVoice(text: string): { readonly index: number; readonly offset: number }[];
}
