"""Words of the lifecycle and of the roles, named once more so that translators find them.

The tables themselves stay in English: they are also written to the database, the API and the audit trail. Pages say
them through `gettext`.
"""

from django.utils.translation import gettext_noop

STATES = (
    gettext_noop("Draft"),
    gettext_noop("Requested"),
    gettext_noop("Reviewed"),
    gettext_noop("Approved"),
    gettext_noop("Active"),
    gettext_noop("Restricted"),
    gettext_noop("Suspended"),
    gettext_noop("Deprecated"),
    gettext_noop("Archived"),
    gettext_noop("Rejected"),
)
ROLES = (
    gettext_noop("ROOT"),
    gettext_noop("Umbrella authority"),
    gettext_noop("Vertical owner"),
    gettext_noop("Tenant administrator"),
    gettext_noop("Auditor"),
    gettext_noop("Platform operator"),
    gettext_noop("Partner user"),
    gettext_noop("Member"),
)
STEPS = (
    gettext_noop("Submit for review"),
    gettext_noop("Withdraw request"),
    gettext_noop("Return for changes"),
    gettext_noop("Accept for your vertical"),
    gettext_noop("Approve"),
    gettext_noop("Reject"),
    gettext_noop("Revise"),
    gettext_noop("Change after approval"),
    gettext_noop("Activate"),
    gettext_noop("Restrict to reading"),
    gettext_noop("Suspend now"),
    gettext_noop("Resume"),
    gettext_noop("Resume for reading"),
    gettext_noop("Deprecate"),
    gettext_noop("Cancel deprecation"),
    gettext_noop("Archive"),
    gettext_noop("Terminate"),
    gettext_noop("Expired"),
    gettext_noop("Confirm the renewal"),
    gettext_noop("Renew"),
    gettext_noop("Cancel"),
    gettext_noop("Approval lapsed"),
)
