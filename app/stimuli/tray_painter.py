"""The cards of the tray as a list: its thumbnails, budget, shifts and warnings in words."""

from __future__ import annotations

import math
from collections.abc import Mapping

from PySide6.QtCore import QAbstractListModel, QModelIndex, QPersistentModelIndex, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPixmap
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from app.base.pictures import to_qimage
from app.look.theme import theme_in_use
from app.stimuli.tray import Tray
from app.widgets.drawing import draw_bar, draw_text
from core.attacks.config import write_budget
from core.kept import Kept
from core.stimuli.levels import LevelReading
from core.stimuli.preview import ItemPreview
from core.stimuli.probe_warnings import ProbeWarning
from core.stimuli.recipe import Recipe
from core.types import ByteArray
from core.words import MINUS, format_signed

AnyIndex = QModelIndex | QPersistentModelIndex
SIDE, GAP, PAD, LINE = 72, 6, 10, 19
CARD_HEIGHT = SIDE + 2 * PAD + 18
PIXEL_RATIO = 2
BAR = QSize(56, 4)
WAITING = "waiting for its preview"
WARNED = "⚠"
MOST_BYTES = 64 * 2**20
"""Of the thumbnails kept, about two hundred items."""


class TrayModel(QAbstractListModel):
    """The tray's rows; pictures are made into pixmaps when they are first painted."""

    def __init__(self, tray: Tray, parent: QWidget) -> None:
        super().__init__(parent)
        self._tray = tray
        self._pictures: Kept[tuple[str, str], QPixmap] = Kept(MOST_BYTES, measure=_measure)
        tray.changed.connect(self.reread)
        tray.previewed.connect(self._repaint)

    def rowCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's own signature
        """Number of items."""
        return 0 if parent.isValid() else len(self._tray.items)

    def data(self, index: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """Tooltip and spoken name."""
        roles = Qt.ItemDataRole
        if role not in (roles.ToolTipRole, roles.AccessibleTextRole, roles.DisplayRole):
            return None
        row = index.row()
        warned = [warning.text for warning in self._tray.warnings(row)]
        return "\n".join([title_of(self._tray.items[row], row), describe_shift(self._tray.preview(row)), *warned])

    def picture(self, preview: ItemPreview, role: str) -> QPixmap:
        """One thumbnail of an item."""
        return self._pictures.find((preview.key, role), lambda: _make_pixmap(preview.pictures[role]))

    def reread(self) -> None:
        """Take other rows."""
        self.beginResetModel()
        self.endResetModel()

    def _repaint(self) -> None:
        if self.rowCount():
            self.dataChanged.emit(self.index(0), self.index(self.rowCount() - 1))


class TrayPainter(QStyledItemDelegate):
    """Draws a card: pictures left, words right."""

    def __init__(self, tray: Tray, model: TrayModel, parent: QWidget) -> None:
        super().__init__(parent)
        self._tray, self._model = tray, model

    def sizeHint(self, option: QStyleOptionViewItem, _index: AnyIndex) -> QSize:
        """As wide as the list."""
        return QSize(option.rect.width(), CARD_HEIGHT)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: AnyIndex) -> None:
        """Draw one card."""
        row = index.row()
        preview, theme = self._tray.preview(row), theme_in_use()
        card = option.rect.adjusted(2, 2, -4, -4)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        painter.setPen(QColor(theme.accent if chosen else theme.line))
        painter.setBrush(QColor(theme.accent_soft if chosen else theme.raised))
        painter.drawRoundedRect(QRectF(card), 8, 8)
        painter.setFont(option.font)
        left = card.left() + PAD
        pictures = {} if preview is None else {role: self._model.picture(preview, role) for role in preview.pictures}
        for role, picture in pictures.items():
            box = QRect(left, card.top() + PAD, SIDE, SIDE)
            painter.drawPixmap(box.topLeft(), picture)
            below = QRect(box.left() - GAP // 2, box.bottom() + 2, box.width() + GAP, 16)
            draw_text(painter, below, name_role(role), theme.muted, scale=0.8, align=Qt.AlignmentFlag.AlignHCenter)
            left += SIDE + GAP
        words = QRect(left + GAP, card.top() + PAD - 2, card.right() - left - GAP - PAD, card.height() - PAD)
        self._draw_words(painter, words, row, preview)
        painter.restore()

    def _draw_words(self, painter: QPainter, box: QRect, row: int, preview: ItemPreview | None) -> None:
        theme, recipe = theme_in_use(), self._tray.items[row]
        line = QRect(box.left(), box.top(), box.width(), LINE)
        draw_text(painter, line, title_of(recipe, row), theme.text, bold=True)
        line.translate(0, LINE)
        self._draw_budget(painter, line, recipe, preview)
        line.translate(0, LINE)
        draw_text(painter, line, describe_shift(preview), theme.text if preview is not None else theme.faint)
        if preview is None:
            return
        if preview.transfer:
            line.translate(0, LINE)
            draw_text(painter, line, describe_transfer(preview.transfer), theme.muted)
        warnings = self._tray.warnings(row)
        line.translate(0, LINE)
        words = describe_warnings(warnings)
        draw_text(painter, line, words, theme.warning if words.startswith(WARNED) else theme.good)

    def _draw_budget(self, painter: QPainter, line: QRect, recipe: Recipe, preview: ItemPreview | None) -> None:
        """A short bar of the budget used, and encoder and budget in words."""
        theme, attack = theme_in_use(), recipe.config.attack
        share = preview.budget.realised / attack.epsilon if preview is not None and attack.epsilon > 0 else 0.0
        bar = QRectF(line.left(), line.center().y() - 1, BAR.width(), BAR.height())
        draw_bar(painter, bar, share, theme.accent, theme.line_strong)
        used = "" if preview is None else f"{share:.0%} of "
        budget = f"{used}{write_budget(attack.epsilon, attack.norm)}" if recipe.origin is None else "shown as it is"
        words = f"{budget} · {recipe.config.network} {recipe.config.layer}"
        draw_text(painter, line.adjusted(BAR.width() + 8, 0, 0, 0), words, theme.muted)


def title_of(recipe: Recipe, row: int) -> str:
    """What an item is, in one line."""
    if recipe.origin is not None:
        return f"{row + 1}  {recipe.image_id} · {recipe.origin.describe(recipe.config)}"
    config, second = recipe.config, recipe.config.against
    there = "" if second is None else f", {second.direction(config.direction)} in {second.label}"
    return f"{row + 1}  {recipe.image_id} · {config.describe_wish()}{there}"


def name_role(role: str) -> str:
    """A role in words short enough to stand under a thumbnail."""
    return role.removeprefix("control_").replace("phase_scrambled", "phases").replace("_", " ")


def describe_shift(preview: ItemPreview | None) -> str:
    """The predicted shift and that of the controls; of an image that is shown as it is, its predicted response."""
    if preview is None:
        return WAITING
    sds = "" if math.isnan(preview.shift_sd) else f" = {format_signed(preview.shift_sd)} SD"
    shift = f"{preview.shift:+.3g}".replace("-", MINUS)
    if preview.is_response:
        return f"predicted response {shift} {preview.unit}{sds}"
    return f"shift {shift} {preview.unit}{sds} · controls up to {preview.control_shift:.2g}"


def describe_level(reading: LevelReading | None) -> list[str]:
    """What became of a level, if there is one: one line."""
    if reading is None:
        return []
    reached = "reached" if reading.reached else "not reached"
    return [f"Level {reading.wanted:+g} SD {reached}: {reading.saved:+.2f} SD in 8 bits".replace("-", MINUS)]


def describe_transfer(transfer: Mapping[str, float]) -> str:
    """The shift in every other encoder."""
    return "elsewhere " + ", ".join(f"{where.split()[0]} {format_signed(one)} SD" for where, one in transfer.items())


def describe_warnings(warnings: tuple[ProbeWarning, ...]) -> str:
    """The kinds of warning, with a sign that needs no colour; mere remarks follow."""
    serious = [warning.code for warning in warnings if not warning.is_remark]
    first = f"{WARNED} {' · '.join(serious)}" if serious else "✓ no warnings"
    return " · ".join([first, *(warning.code for warning in warnings if warning.is_remark)])


def _measure(picture: QPixmap) -> int:
    return picture.width() * picture.height() * picture.depth() // 8


def _make_pixmap(levels: ByteArray) -> QPixmap:
    side = SIDE * PIXEL_RATIO
    picture = QPixmap.fromImage(to_qimage(levels).scaled(side, side))
    picture.setDevicePixelRatio(PIXEL_RATIO)
    return picture
