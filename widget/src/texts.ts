// Every word that the elements say, in English and German. A shop replaces any of them with the property `texts`.
//
// A problem (p…) is its title and what to do about it, with a bar between.

const TEXTS = {
  open: ["Search with a photo", "Mit einem Foto suchen"],
  close: ["Close", "Schließen"],
  title: ["Find products that look like your photo", "Produkte finden, die aussehen wie Ihr Foto"],
  choose: ["Choose a photo", "Foto auswählen"],
  take: ["Take a photo", "Foto aufnehmen"],
  paste: ["Paste a photo", "Foto einfügen"],
  drop: ["or drop a picture here, or paste one", "oder ein Bild hier ablegen oder einfügen"],
  privacy: [
    "The photo is used for this search only, and not kept.",
    "Das Foto dient nur dieser Suche und wird nicht gespeichert.",
  ],
  noCamera: [
    "The camera does not start. It may be in use or blocked.",
    "Die Kamera startet nicht. Vielleicht ist sie in Gebrauch oder gesperrt.",
  ],
  back: ["Back", "Zurück"],
  photo: ["Your photo", "Ihr Foto"],
  likePhoto: ["Products that look like your photo", "Produkte, die aussehen wie Ihr Foto"],
  likeProduct: ["Products that look like “{n}”", "Produkte, die aussehen wie „{n}“"],
  similar: ["Similar products", "Ähnliche Produkte"],
  cancel: ["Cancel", "Abbrechen"],
  looking: ["Looking for similar products…", "Ähnliche Produkte werden gesucht…"],
  slow: ["This is taking longer than usual.", "Das dauert länger als sonst."],
  none: ["No similar product was found.", "Es wurde kein ähnliches Produkt gefunden."],
  one: ["One similar product.", "Ein ähnliches Produkt."],
  many: ["{n} similar products, the most similar first.", "{n} ähnliche Produkte, die ähnlichsten zuerst."],
  unsure: [
    "This photo is nearly one colour, so these matches mean little.",
    "Dieses Foto hat fast nur eine Farbe, daher sagen diese Treffer wenig.",
  ],
  exact: ["This very picture is in the shop: {n} ({sure}% sure).", "Genau dieses Bild gibt es im Shop: {n} (zu {sure} % sicher)."],
  alike: ["The shop has something alike ({sure}% sure).", "Der Shop hat etwas Ähnliches (zu {sure} % sicher)."],
  nothing: [
    "Nothing quite like it in this shop; these are the closest ({sure}% sure).",
    "Nichts ganz Ähnliches in diesem Shop; dies kommt am nächsten (zu {sure} % sicher).",
  ],
  score: ["Similarity {n}", "Ähnlichkeit {n}"],
  shop: ["View in the shop", "Im Shop ansehen"],
  more: ["More like {n}", "Mehr wie {n}"],
  less: ["Less like {n}", "Weniger wie {n}"],
  why: ["Why?", "Warum?"],
  whyText: ["Most alike: {n} in your picture, {hit} in this one.", "Am ähnlichsten: {n} in Ihrem Bild, {hit} in diesem."],
  whyNot: ["Nothing is kept that tells why.", "Es ist nichts gespeichert, was es erklärt."],
  // Rows, then columns, of a picture
  where: ["upper|middle|lower|left|centre|right", "oben|mittig|unten|links|mittig|rechts"],
  showMore: ["Show more", "Mehr anzeigen"],
  filter: ["Filter", "Filter"],
  remove: ["remove", "entfernen"],
  clear: ["Clear all", "Alle entfernen"],
  category: ["Category", "Kategorie"],
  brand: ["Brand", "Marke"],
  price: ["Price", "Preis"],
  from: ["From", "Von"],
  to: ["To", "Bis"],
  part: ["Choose a part", "Teil auswählen"],
  whole: ["Whole photo", "Ganzes Foto"],
  boxHelp: [
    "Draw over the photo. Arrow keys move the frame, with Shift they resize it; Enter searches, Escape removes it.",
    "Rahmen auf dem Foto ziehen. Pfeiltasten bewegen ihn, mit Umschalt ändern sie die Größe; Eingabe sucht, Escape entfernt ihn.",
  ],
  again: ["Try again", "Noch einmal versuchen"],
  pRefused: ["This search did not work|Choose another photo.", "Diese Suche hat nicht geklappt|Ein anderes Foto auswählen."],
  pFault: ["Something went wrong on our side|Try again, or tell the shop.", "Bei uns ist etwas schiefgegangen|Noch einmal versuchen oder dem Shop Bescheid sagen."],
  pLarge: ["This photo is too large|Choose a smaller one.", "Dieses Foto ist zu groß|Ein kleineres auswählen."],
  pSmall: ["This picture is too small|Choose a larger one.", "Dieses Bild ist zu klein|Ein größeres auswählen."],
  pNotImage: [
    "That is no picture that we can open|Choose a JPEG, PNG or WebP file.",
    "Das ist kein Bild, das wir öffnen können|Eine JPEG-, PNG- oder WebP-Datei auswählen.",
  ],
  pOften: ["That was a lot of searches in a short time|Wait a moment.", "Das waren viele Suchen in kurzer Zeit|Einen Moment warten."],
  pBusy: ["The service is busy right now|Wait a moment.", "Der Dienst ist gerade ausgelastet|Einen Moment warten."],
  pKey: ["This shop’s search is locked|Please tell the shop.", "Die Suche dieses Shops ist gesperrt|Bitte dem Shop Bescheid sagen."],
  pOffline: ["You are offline|Check the connection.", "Sie sind offline|Die Verbindung prüfen."],
  pNetwork: ["The service does not answer|Check the connection.", "Der Dienst antwortet nicht|Die Verbindung prüfen."],
  pLostPhoto: ["This search is over|Choose the photo again.", "Diese Suche ist vorbei|Das Foto noch einmal auswählen."],
  pLostProduct: ["This product is no longer in the shop|Start with another one.", "Dieses Produkt gibt es im Shop nicht mehr|Mit einem anderen beginnen."],
} satisfies Record<string, [string, string]>;

export type TextName = keyof typeof TEXTS;
export type Texts = Partial<Record<TextName, string>>;

/** Say a text, with values for what stands in it in braces. */
export type Say = (name: TextName, values?: Record<string, unknown>) => string;

/** Return what says texts, in German or in English, the shop's own first. */
export const sayer =
  (isGerman: boolean, own: Texts): Say =>
  (name, values = {}) =>
    (own[name] ?? TEXTS[name][isGerman ? 1 : 0]).replace(/\{(\w+)\}/g, (_, key: string) => String(values[key] ?? ""));
