"""A region tells which examples are its own, whatever it is a part of."""

from __future__ import annotations

from dataclasses import replace

from allmodes.audit.finding import Region

OF_DATA = Region(0.2, 0.01, 0.15, 0.23, examples=(1, 2), fake_examples=(7,))
OF_SAMPLES = Region(0.01, 0.2, -0.23, -0.15, examples=(7,), fake_examples=(1, 2), of="samples")


def test_a_part_of_the_samples_is_the_mirror_image_of_a_part_of_the_data() -> None:
    for region in (OF_DATA, OF_SAMPLES):
        assert (region.inside, region.beside, region.lack) == ((1, 2), (7,), (0.15, 0.23))


def test_what_comes_at_less_than_a_tenth_of_its_rate_is_absent() -> None:
    assert OF_DATA.absent
    assert OF_SAMPLES.absent
    assert not replace(OF_DATA, fake_mass=0.03).absent
    assert not replace(OF_SAMPLES, real_mass=0.03).absent
