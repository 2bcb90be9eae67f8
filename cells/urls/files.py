from django.urls import URLPattern, path

from cells.views import file_grid, files, grammar

urlpatterns: list[URLPattern] = [
    path("files/", files.files, name="files"),
    path("files/deprecate/", files.files_deprecate, name="files-deprecate"),
    path("files/grid/", file_grid.grid, name="files-grid"),
    path("files/grid/save/", file_grid.grid_save, name="files-grid-save"),
    path("files/grid/reparse/", file_grid.grid_reparse, name="files-grid-reparse"),
    path("files/grid/rows/", file_grid.grid_rows, name="files-grid-rows"),
    path("files/grid/deprecate/", file_grid.grid_deprecate, name="files-grid-deprecate"),
    path("files/try-a-name/", grammar.try_name, name="try-name"),
    path("files/rules/own/", grammar.own_rules, name="own-rules"),
    path("files/rules/new/", grammar.name_rule_new, name="name-rule-new"),
    path("files/rules/<int:pk>/", grammar.name_rule, name="name-rule"),
    path("files/rules/<int:pk>/delete/", grammar.name_rule_delete, name="name-rule-delete"),
    path("files/<int:pk>/", files.file, name="file"),
    path("files/<int:pk>/reparse/", files.file_reparse, name="file-reparse"),
    path("files/<int:pk>/deprecate/", files.file_deprecate, name="file-deprecate"),
    path("files/<int:pk>/restore/", files.file_restore, name="file-restore"),
    path("folders/", files.folders, name="folders"),
    path("folders/new/", files.folder_new, name="folder-new"),
    path("folders/scan/", files.folders_scan, name="folders-scan"),
    path("folders/<int:pk>/", files.folder_edit, name="folder-edit"),
    path("folders/<int:pk>/scan/", files.folder_scan, name="folder-scan"),
    path("problems/", files.problem_list, name="problems"),
]
