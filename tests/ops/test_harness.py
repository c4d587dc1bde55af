"""The tolerance of the operators' tests can fail."""

import pytest

from ops.harness import DTYPES, assert_close


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("terms", [1, 1500])
def test_a_hundredth_off_is_not_close(dtype, terms, rng):
    want = rng.normal(size=(8, 9))
    with pytest.raises(AssertionError):
        assert_close(0.99 * want, want, dtype, terms=terms)
    with pytest.raises(AssertionError):
        assert_close(0.9 * want, want, dtype, terms=terms, rounded_between=2)
