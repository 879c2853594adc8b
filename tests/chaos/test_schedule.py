import itertools

from tests.chaos.schedule import BLOWS, WEATHER, Blow, Storm, lay


def test_the_schedule_is_a_function_of_the_seed() -> None:
    """The same seed gives the same events, another seed others."""
    assert lay(seed=7, slots=3, jobs=30) == lay(seed=7, slots=3, jobs=30)
    assert lay(seed=7, slots=3, jobs=30) != lay(seed=8, slots=3, jobs=30)


def test_a_full_run_meets_everything_there_is() -> None:
    """Thirty jobs meet every blow at every moment and every storm, in the order in which they fall due."""
    for seed in range(20):
        events = lay(seed=seed, slots=3, jobs=30)
        assert {(event.kind, event.moment) for event in events if isinstance(event, Blow)} == set(BLOWS)
        assert {event.name for event in events if isinstance(event, Storm)} == set(WEATHER)
        assert all(one.at <= other.at for one, other in itertools.pairwise(events))
