"""Addresses of sign-in and sign-out."""

from __future__ import annotations

from django.urls import path

from scp_portal.login import views

urlpatterns = [
    path("login/", views.login, name="login"),
    path("logout/", views.LogoutView.as_view(), name="logout"),
    path("oidc/authenticate/", views.StartView.as_view(), name="oidc_authentication_init"),
    path("oidc/callback/", views.CallbackView.as_view(), name="oidc_authentication_callback"),
    path("oidc/backchannel-logout/", views.back_channel_logout, name="back_channel_logout"),
]
