"""The world in which policies are tried: SQS, CloudWatch, ECS, EC2 and a Jetson, as their documents describe them.

Nothing here decides anything that production decides: that is ``core``'s, and
runs here unchanged.  Each rule of the world names its source where it stands;
``docs AWS`` is AWS's own documentation, ``facts`` the project's collection of
what was read where.
"""
