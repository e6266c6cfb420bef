"""Who blocked a partner, so that another lifts it; why a tenant or one of its verticals is frozen.

The rights of `scp_app` are those of the tables: the new columns need none of their own.
"""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("registry", "0007_nothing_shadows_the_guards")]

    operations = [
        migrations.AddField(
            model_name="partner",
            name="blocked_by",
            field=models.ForeignKey(
                blank=True,
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(model_name="tenant", name="frozen_reason", field=models.TextField(blank=True, default="")),
        migrations.AddField(
            model_name="tenantvertical", name="frozen_reason", field=models.TextField(blank=True, default="")
        ),
    ]
