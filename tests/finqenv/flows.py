"""The demonstration skills: what each step asks for, and the way through."""
import json

from . import documents
from .client import Onboarding
from .installation import DEMO_SKILLS, SKILLS

AISP, CARD, DEPOSIT = DEMO_SKILLS
DEFINITIONS = {skill["name"]: skill for skill in (json.loads(file.read_text()) for file in SKILLS.glob("*.json"))}


def publish(installation, tenant, definition):
    """A skill of a test's own, known here and to the server. Returns its name."""
    file = installation.directory / "skill.json"
    file.write_text(json.dumps(definition))
    installation.finqctl("skill", "publish", file)
    installation.finqctl("tenant", "allow", tenant.client_id, definition["name"])
    DEFINITIONS[definition["name"]] = definition
    return definition["name"]


def steps(skill):
    return DEFINITIONS[skill]["steps"]


def example(step):
    """Data that a step's schema accepts."""
    return step["schema"]["examples"][0]


def required(step):
    return [upload["document"] for upload in step.get("uploads", []) if upload["required"]]


def begin(client, skill=CARD, **more):
    """A user whose session has been started."""
    user = Onboarding(client, skill)
    assert user.start(**more).status == 200
    return user


def submit(user, number):
    """Submits step `number`, from 1, with its example."""
    step = steps(user.skill)[number - 1]
    return user.submit(step["name"], example(step))


def upload_required(user, number):
    for document in required(steps(user.skill)[number - 1]):
        assert user.upload(document, documents.png()).status == 200


def walk(client, skill=AISP, to=None, **more):
    """A user who has submitted the steps up to `to`, all of them by default, with every required upload."""
    user = begin(client, skill, **more)
    for number in range(1, (to or len(steps(skill))) + 1):
        assert submit(user, number).status == 200
        upload_required(user, number)
    return user
