"""JSONL: one JSON object a line."""

import json
from collections import Counter
from collections.abc import Iterator

from indexer.sources.feed_file import MAX_ROW_CHARS, FeedFile, Lines, damage_in
from indexer.sources.records import Refusal, Refused, Row, shown


def read_json_lines(feed: FeedFile) -> Iterator[Row]:
    """
    Yield the objects; a row's number is its line's. Empty lines are passed over.

    Raises:
        SourceInvalid: The last line breaks off.
    """
    decoder = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_refuse_constant)
    with feed.open() as file:
        lines = Lines(feed, file)
        while line := lines.read(MAX_ROW_CHARS + 1):
            number = lines.number
            if len(line) > MAX_ROW_CHARS:
                lines.skip_rest()
                yield Row(
                    number, {}, Refused(Refusal.TOO_LONG, f"The line has more than {MAX_ROW_CHARS:,} characters.")
                )
            elif text := line.strip():
                row = _row(decoder, text, number)
                if row.refused is not None and lines.is_cut:
                    raise feed.invalid(f"breaks off inside line {number}: {row.refused.message}")
                yield Row(number, row.values, damage_in(line) or row.refused)


def _row(decoder: json.JSONDecoder, text: str, number: int) -> Row:
    try:
        found = decoder.decode(text)
    except Refused as error:
        return Row(number, {}, error)
    except (ValueError, RecursionError) as error:  # an integer of 5,000 digits is a ValueError too
        what = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        return Row(number, {}, Refused(Refusal.MALFORMED_ROW, f"The line is no JSON object: {what}."))
    if not isinstance(found, dict):
        return Row(number, {}, Refused(Refusal.MALFORMED_ROW, f"The line is {shown(text)}, which is no JSON object."))
    return Row(number, found)


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = Counter(name for name, _ in pairs).most_common(1)[0][0]
        raise Refused(Refusal.AMBIGUOUS_COLUMNS, f"An object says {shown(twice)} twice.")
    return found


def _refuse_constant(name: str) -> object:
    raise Refused(Refusal.MALFORMED_ROW, f"The line holds {name}, which is no JSON.")
