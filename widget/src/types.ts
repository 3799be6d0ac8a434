// What the service answers, as far as the elements show it (docs/answers.md says what it means), and what they keep.

export interface Product {
  id: string;
  title: string;
  category?: string | null;
  brand?: string | null;
  price?: number | string | null;
  currency?: string | null;
  url?: string | null;
  images?: { url: string }[];
}

/** Left, top, right, bottom, as shares of the upright picture's sides. */
export type Region = [number, number, number, number];

/** Which places of a picture made it similar; `seen` is the part that the grid covers. */
export interface LightMap {
  seen: Region;
  values: number[][];
}

export interface Explanation {
  query_image: { url: string; size?: Size } | null;
  query: LightMap;
  hit: LightMap;
}

export interface Hit {
  rank: number;
  score: number;
  image: { id: string; url: string };
  product: Product;
  explanation?: Explanation | null;
  /** Width and height of the picture, once it is there. */
  size?: Size;
}

export type Size = [number, number];

/** A thing that the service saw in the photo. */
export interface Thing {
  region: Region;
  query_id: string;
  categories?: { label: string }[];
  /** The thing alone, once it was drawn. */
  picture?: HTMLCanvasElement;
}

export type FacetValue = string | number | boolean;
export type Facets = Record<string, { value: FacetValue; count: number }[]>;

export interface Answer {
  request_id: string;
  query_id?: string;
  low_confidence?: boolean;
  match?: { verdict: "exact" | "similar" | "none"; confidence: number } | null;
  results: Hit[];
  regions?: Thing[];
  facets?: Facets;
}

/** What a page may keep of a step, in its history for instance, and give back. */
export interface PlainStep {
  key: string;
  label: string;
  /** The address of a product's picture; a photo's is in memory only. */
  picture?: string;
  productId?: string;
  queryId?: string | null;
  /** The query of the whole photo, for the way back from a part of it. */
  wholeId?: string | null;
  region?: Region | null;
  /** Products that the search is drawn to, and away from: ids with titles. */
  more: Record<string, string>;
  less: Record<string, string>;
  /** The values chosen of each facet, and the bounds of the price. */
  values: Record<string, FacetValue[]>;
  from: string;
  to: string;
}

/** One search on the way here, with all that is known of it. */
export interface Step extends PlainStep {
  k: number;
  file?: Blob;
  blob?: Blob;
  photo?: HTMLCanvasElement | null;
  product?: Product;
  answer?: Answer;
  facets: Facets;
  hasPrices?: boolean;
  things: Thing[];
  openedId?: string;
}
