"""Users of the admin and of accounts, and their groups."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.auth import admin as auth_admin
from django.contrib.auth.models import Group, User
from unfold.admin import TabularInline
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from earwig.admin import pages
from earwig.models import Account, Membership

admin.site.unregister(User)
admin.site.unregister(Group)


class MembershipInline(TabularInline):
    model = Membership
    extra = 0
    autocomplete_fields = ("account",)


@admin.register(User)
class UserAdmin(auth_admin.UserAdmin, pages.AuditedAdmin):
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    inlines = (MembershipInline,)

    def account_of(self, obj: User) -> Account | None:
        return None


@admin.register(Group)
class GroupAdmin(auth_admin.GroupAdmin, pages.AuditedAdmin):
    def account_of(self, obj: Group) -> Account | None:
        return None
