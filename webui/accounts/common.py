"""The most common passwords of eight characters or more, and the words that are often followed by digits."""

from __future__ import annotations

_WORDS = """
password passw0rd p@ssword p@ssw0rd qwerty qwertyui qwertyuiop 1q2w3e4r 1q2w3e4r5t 1qaz2wsx qazwsxedc qazwsx
zaq12wsx asdfgh asdfghjk asdfghjkl zxcvbn zxcvbnm iloveyou sunshine princess football baseball superman
trustno1 letmein welcome starwars whatever computer internet michelle jennifer liverpool charlie dragon monkey
shadow master changeme administrator admin abcd1234 abc a1b2c3d4 qwe q1w2e3r4 asd zxc 1234qwer qwer1234
12341234 12344321 87654321 98765432 11223344 12121212 10203040 123123123 123321123 147258369 159753456
789456123 blink182
pokemon minecraft roblox fortnite family children parental homewifi router gateway mother father
mamapapa mama papa test hello secret samsung google youtube tiktok android iphone wifi
пароль йцукен йцукенг йцукенгш йцукенгшщз фывапролд фыва любовь солнышко привет qwertyйцу мамапапа мама папа
казахстан almaty алматы astana астана құпиясөз сәлем наташа русский спартак zenit spartak qazaqstan qazaq
"""

COMMON = frozenset(_WORDS.split())
