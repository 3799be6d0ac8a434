"""What the names of networks stand for, and what a fingerprint tells apart."""

from dataclasses import replace

import pytest

from app.core.errors import SnapshotIncompatible, UnknownNetwork
from app.core.networks.fingerprint import Fingerprint
from app.core.networks.names import BUILT_IN_NAMES, parse_network
from app.core.networks.shares import canonical_name, network_shares
from app.core.preprocessing import Preprocessing

PREPROCESSING = Preprocessing(256, 224, "bilinear", (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
FINGERPRINT = Fingerprint("vgg16", ("ab" * 32,), "fc7 after ReLU", (PREPROCESSING,))


@pytest.mark.parametrize("name", BUILT_IN_NAMES)
def test_a_known_name_is_one_network(name: str) -> None:
    """The names of the documentation are known, each as itself."""
    assert [part.name for part in parse_network(name)] == [name]


def test_fc6_and_fc7_share_their_weights() -> None:
    """One download serves both, and they mean different embeddings."""
    (fc7,), (fc6,) = parse_network("vgg16"), parse_network("vgg16:fc6")
    assert fc6.weights_name == fc7.weights_name
    assert fc6.activation != fc7.activation


def test_a_sum_has_its_parts_in_order() -> None:
    """Any number of networks can be joined."""
    names = [part.name for part in parse_network("vgg16:fc6+efficientnet_lite0+timm:resnet18.a1_in1k")]
    assert names == ["vgg16:fc6", "efficientnet_lite0", "timm:resnet18.a1_in1k"]


@pytest.mark.parametrize(
    "name", ["", "auto", "vgg17", "VGG16", "vgg16:fc8", "vgg16+", "timm:", "timm:../x", "timm:hf-hub:a/b", "a b"]
)
def test_an_unknown_name_is_told_with_those_that_are_known(name: str) -> None:
    """Nothing that could be a path or an address gets through."""
    with pytest.raises(UnknownNetwork, match=r"vgg16.*efficientnet_lite0.*LOOKALIKE_NETWORK"):
        parse_network(name)


def test_a_fingerprint_survives_json() -> None:
    """What is read back equals what was written, and has the same hash."""
    again = Fingerprint.from_json(FINGERPRINT.to_json())
    assert again == FINGERPRINT
    assert again.sha256 == FINGERPRINT.sha256


@pytest.mark.parametrize(
    "other",
    [
        replace(FINGERPRINT, network="vgg16:fc6"),
        replace(FINGERPRINT, weights_sha256=("cd" * 32,)),
        replace(FINGERPRINT, activation="fc6 after ReLU"),
        replace(FINGERPRINT, preprocessing=(replace(PREPROCESSING, resize_px=257),)),
        replace(FINGERPRINT, preprocessing=(replace(PREPROCESSING, interpolation="bicubic"),)),
        replace(FINGERPRINT, decode_policy="another"),
    ],
    ids=["network", "weights", "activation", "size", "interpolation", "decoding"],
)
def test_whatever_changes_embeddings_changes_the_fingerprint(other: Fingerprint) -> None:
    """Embeddings that cannot be compared never share a fingerprint."""
    assert other.sha256 != FINGERPRINT.sha256


@pytest.mark.parametrize(
    "document", [{}, [], None, {"network": "vgg16"}, {**FINGERPRINT.to_json(), "preprocessing": 1}]
)
def test_a_fingerprint_of_another_version_is_refused(document: object) -> None:
    """What cannot be read is not guessed."""
    with pytest.raises(SnapshotIncompatible, match="lookalike index"):
        Fingerprint.from_json(document)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "canonical", "shares"),
    [
        ("vgg16", "vgg16", (1.0,)),
        ("vgg16*3", "vgg16", (1.0,)),
        ("vgg16+efficientnet_lite0", "vgg16+efficientnet_lite0", (0.5, 0.5)),
        ("vgg16*0.7+efficientnet_lite0*.3", "vgg16*0.7+efficientnet_lite0*0.3", (0.7, 0.3)),
        ("vgg16*7+efficientnet_lite0*3", "vgg16*0.7+efficientnet_lite0*0.3", (0.7, 0.3)),
        ("vgg16*2+efficientnet_lite0*2", "vgg16+efficientnet_lite0", (0.5, 0.5)),
        ("vgg16*1+vgg19*1+efficientnet_lite0*4", "vgg16*0.17+vgg19*0.17+efficientnet_lite0*0.66", (0.17, 0.17, 0.66)),
    ],
)
def test_weights_are_shares_in_hundredths(name: str, canonical: str, shares: tuple[float, ...]) -> None:
    """However they are written, equal shares are one name, which stands for itself."""
    assert canonical_name(name) == canonical
    assert network_shares(name) == pytest.approx(shares)
    assert (canonical_name(canonical), network_shares(canonical)) == (canonical, network_shares(name))
    assert [part.name for part in parse_network(name)] == [part.name for part in parse_network(canonical)]


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("vgg16*0.7+vgg19", "vgg19 has no weight"),
        ("vgg16*0+vgg19*1", "'0' is not a weight"),
        ("vgg16*-1+vgg19*1", "'-1' is not a weight"),
        ("vgg16*nan+vgg19*1", "'nan' is not a weight"),
        ("vgg16*1e3+vgg19*1", "'1e3' is not a weight"),
        ("vgg16*2*3+vgg19*1", r"'2\*3' is not a weight"),
        ("vgg16*+vgg19*1", "'' is not a weight"),
        ("vgg16*9999999+vgg19*1", "'9999999' is not a weight"),
        ("vgg16*1+vgg19*1000", "less than a hundredth"),
    ],
)
def test_a_bad_weight_is_refused_with_its_part(name: str, told: str) -> None:
    """The message says which part, what is wrong, and the setting."""
    with pytest.raises(UnknownNetwork, match=f"{told}.*LOOKALIKE_NETWORK"):
        parse_network(name)
