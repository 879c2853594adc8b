"""A plan of which NVENC takes everything: plain HD colours, no rendition too small, the poster in the second chunk."""

from rugbytx.core.plan.plan import Plan
from tests.plans import small_plan


def gpu_plan(**fields: object) -> Plan:
    """Return a plan of three chunks; ``fields`` are the video's own."""
    plan = small_plan(chunks=3, audio=False)
    video = plan.media.video.model_copy(update={"colour_space": "bt709", **fields})
    renditions = tuple(
        rendition.model_copy(update={"width": width, "height": height})
        for rendition, (width, height) in zip(plan.renditions, ((320, 180), (256, 146)), strict=True)
    )
    assert plan.stills
    return plan.model_copy(
        update={
            "renditions": renditions,
            "media": plan.media.model_copy(update={"video": video}),
            "stills": plan.stills.model_copy(update={"poster_chunk": 1}),
        }
    )
