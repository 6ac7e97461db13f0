import { wordSet } from './words.ts';

/** Rules of retext-equality with hardly a technical meaning; the others object to `host`, `invalid` or `simple`. */
export const INSENSITIVE = wordSet(`
  aids-victim, aircrewwoman-airman, alderman-alderwoman, anchorman-anchorwoman, assemblyman-assemblywoman, average-housewife
  average-man, average-working-man, bipolar, birth-defect, blackhat, blacklist, blacklisted, blacklisting
  bondsman-bondswoman, brotherhood-of-man, businessman-businesswoman, businessmen-businesswomen, cameraman-camerawoman
  cameramen-camerawomen, cattleman-cattlewoman, chairman-chairwoman, chairmen-chairwomen, chick-cop-policeman
  clergyman-clergywoman, clergymen-clergywomen, commit-suicide, committed-suicide, common-girl-common-man
  congressman-congresswoman, congressmen-congresswomen, councilman-councilwoman, councilmen-councilwomen, cretin, daft
  deafmute, doorman-doorwoman, downs-syndrome, dumb, dummy, epileptic, eskimo, eskimos, fag, fireman-firewoman
  firemen-firewomen, fisherman-fisherwoman, fishermen-fisherwomen, forefather-foremother, forefathers-foremothers
  foreman-forewoman, foremen-forewomen, founding-father, freshman, freshmen-freshwomen, gals-man
  garbageman-garbagewoman, gay-agenda, gay-lifestyle, gimp, grandfather-clause, grandfathered, grandfathering, gyp
  handicapped, handicapped-parking, handyman-handywoman, he-she, hearing-impaired, henchman-henchwoman
  henchmen-henchwomen, her-him, hermaphrodite, herself-himself, heshe, homosexual, homosexual-couple
  homosexual-marriage, housemaid, housewife, housewives, indian-give, insanely, japs, lady-doctor, ladylike, lame
  layman-laywoman, laymen-laywomen, libtard, like-a-man, madman, madmen, man-a-desk, man-enough, man-the-booth
  man-the-fort, man-the-phones, manhour, manhours, maniac, mankind, manmade, manned, manpower
  middleman-middlewoman, middlemen-middlewomen, milkman-milkwoman, mongoloid, natives-are-restless, newsman-newswoman
  nonwhite, nuts, ocd, on-the-warpath, oriental, orientals, paraplegic, policemen-policewomen, postman-postwoman
  postmen-postwomen, powwow, psychotic, quadriplegic, redskin, redskins, repairman-repairwoman, repairmen-repairwomen
  retard, retards, saleslady-salesman, salesmen-saleswomen, sanity-check, schizo, senile, serviceman-servicewoman
  sex-change-operation, sexual-preference, slave, slaves, sociopath, sociopaths, spastic, spaz, spokesman-spokeswoman
  spokesmen-spokeswomen, sportsman-sportswoman, statesman-stateswoman, stroke-victim, suffers-from-disabilities
  too-many-chiefs, tranny, transgendered, transgenders, transvestite, unmanned, wacko, watchman-watchwoman
  weatherman-weatherwoman, wheelchair-bound, whitehat, whitelist, whitelisted, whitelisting, wifebeater, woman-lawyer
  woman-painter, working-wife, workman-workwoman, workmen-workwomen`);

/** Words those rules also cover but that are mostly meant well. */
export const CONSIDERED = wordSet(
  'boys, delirious, ladies, man, men, mental, mentally ill, moron, moronic, nuts, women, working man, working woman',
);

/** Where an intensifier means something after all. */
interface Context {
  readonly notAfter?: RegExp;
  readonly notBefore?: RegExp;
}

/** Words of retext-intensify that a sentence is nearly always better without; the others are mostly plain English. */
export const INTENSIFIERS: Readonly<Record<string, Context>> = {
  amazing: {},
  basically: {},
  clearly: { notAfter: /\p{L}\s+$/u },
  definitely: { notAfter: /\bnot\s+$/ },
  essentially: {},
  exceedingly: {},
  extremely: {},
  frankly: {},
  honestly: {},
  hopefully: {},
  incredibly: {},
  just: {
    notAfter: /\b(?:but|not|only)\s+$/i,
    notBefore:
      /^\s+(?:a(?:bove|fter|s)\b|be(?:fore|hind|low|neath|tween|yond)|ended|enough|finished|in\b|inside|like|now|once|one|outside|over|past|so\b|started|the|under|\w+ed\b|¤|\d)/,
  },
  literally: {},
  obviously: {},
  quite: { notAfter: /\bnot\s+$/i },
  really: { notAfter: /(?:\bnot|n['’]t)\s+$/i },
  remarkably: {},
  simply: {},
  surely: {},
  totally: {},
  truly: {},
  very: { notAfter: /\bthe\s+$/i, notBefore: /^\s+(?:few|little|much|same)\b/ },
};

/** Words that are rude in any technical text; the full list objects to `abort`, `hook` and `yank`. */
export const PROFANITY =
  /^(?:arse|arsehole|ass|asses|asshat|asshole|bastard|bitch(?:es|ing|y)?|bollocks|bullcrap|bullshit|butthead|cocksuck\w*|crap|crapp[iy]\w*|cunt\w*|dammit|damn(?:ed|it)?|dickhead|dipshit|dumbass|\w*fuck\w*|goddam\w*|horseshit|idiots?|jackass|morons?|nigg[ae]\w*|piss(?:ed|es|ing)?|\w*shit(?:s|ty|ting|ted|ter|head|face)?|sluts?|stupid|twat|wank(?:er|ing)?|whores?|wtf)s?$/i;
