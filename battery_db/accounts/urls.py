"""Sign in and out, the own profile and tokens, and for admins the people."""

from django.urls import URLPattern, path

from battery_db.accounts import views

urlpatterns: list[URLPattern] = [
    path("login/", views.login, name="login"),
    path("logout/", views.logout, name="logout"),
    path("profile/", views.profile, name="profile"),
    path("password/", views.change_password, name="change-password"),
    path("tokens/", views.tokens, name="tokens"),
    path("tokens/<int:pk>/revoke/", views.revoke_token, name="revoke-token"),
    path("people/", views.people, name="people"),
    path("people/new/", views.create_person, name="create-person"),
    path("people/<int:pk>/", views.person, name="person"),
    path("people/<int:pk>/active/", views.set_active, name="set-active"),
    path("people/<int:pk>/invite/", views.invite, name="invite"),
    path("set-password/<uidb64>/<token>/", views.set_password, name="set-password"),
    path("changes/", views.changes, name="changes"),
]
