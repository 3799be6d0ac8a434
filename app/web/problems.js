// What went wrong and what to do about it, in words for somebody who only wants to find a product.

const OTHER_PHOTO = "Choose another photo, or take a new one.";
const AS_JPEG = "Save it as JPEG, PNG or WebP, or take a screenshot of it, and try that.";
const LATER = "Wait a moment, then try again.";

// slug → [title, what to do, whether the same request may succeed later]
const WORDS = {
  "body-too-large": ["This photo is too large to send", "Choose a smaller photo, or save this one smaller.", false],
  "image-too-large": ["This photo has too many pixels", "Choose a smaller photo, or save this one smaller.", false],
  "image-too-small": ["This picture is too small", "Choose a larger version of it.", false],
  "aspect-not-allowed": ["This picture is too narrow", "Cut out the part that shows the product, and try that.", false],
  "image-too-complex": ["This picture is too complicated to open", AS_JPEG, false],
  "decode-timeout": ["This picture took too long to open", AS_JPEG, false],
  "not-an-image": ["This file is not a picture", "Choose a photo: a JPEG, PNG or WebP file.", false],
  "format-not-allowed": ["This kind of picture is not accepted", AS_JPEG, false],
  "unsupported-media-type": ["This kind of file is not accepted", AS_JPEG, false],
  "image-corrupt": ["This picture is damaged", OTHER_PHOTO, false],
  "empty-image": ["This file is empty", OTHER_PHOTO, false],
  "embedding-zero": ["There is nothing to recognise in this photo", OTHER_PHOTO, false],
  "embedding-not-finite": ["There is nothing to recognise in this photo", OTHER_PHOTO, false],
  "request-timeout": ["The photo took too long to arrive", "Check the connection, then try again.", true],
  "rate-limited": ["That was a lot of searches in a short time", LATER, true],
  overloaded: ["The service is busy right now", LATER, true],
  "index-not-ready": ["The shop is not ready to be searched yet", LATER, true],
  "database-unavailable": ["The shop’s catalogue does not answer right now", LATER, true],
  "invalid-key": ["This shop’s search needs a key", "Ask whoever runs the shop.", false],
  offline: ["You are offline", "Connect to the internet, then try again.", true],
  unreachable: ["The service cannot be reached", "Check your connection, then try again.", true],
  timeout: ["The answer is taking too long", "Check your connection, then try again.", true],
  "lost-photo": ["This search is over", "Photos are not kept. Choose the photo again.", false],
  "lost-product": ["This product is no longer in the shop", "Start again with a photo or with another product.", false],
};

// Where the service's own sentence says nothing that ours does not; others tell a limit, or what only it knows.
const SAID_ALREADY = new Set([
  "not-an-image",
  "format-not-allowed",
  "unsupported-media-type",
  "image-corrupt",
  "empty-image",
  "embedding-zero",
  "embedding-not-finite",
  "decode-timeout",
  "request-timeout",
  "overloaded",
]);

/** Return `{title, advice, detail, reference, canRetry, retryAfterS}` for a Problem, or for any other error. */
export function inWords(problem) {
  const known = WORDS[problem.slug];
  const isServerFault = !known && !(problem.status >= 400 && problem.status < 500);
  const [title, advice, canRetry] = known ?? [
    isServerFault ? "Something went wrong on our side" : problem.title || "This search did not work",
    isServerFault ? "Try again. If it keeps happening, tell the shop." : OTHER_PHOTO,
    isServerFault,
  ];
  return {
    title,
    advice,
    detail: SAID_ALREADY.has(problem.slug) ? "" : (problem.detail ?? ""),
    reference: isServerFault ? (problem.reference ?? "") : "",
    canRetry,
    retryAfterS: problem.retryAfterS ?? 0,
  };
}
