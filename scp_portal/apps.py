"""The admin app, with the portal's own site."""

from django.contrib.admin.apps import AdminConfig


class PortalAdminConfig(AdminConfig):
    """`django.contrib.admin` with `scp_portal.admin_site.PortalAdminSite` as its default site."""

    default_site = "scp_portal.admin_site.PortalAdminSite"
