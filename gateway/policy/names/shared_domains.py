"""Domains that many unrelated sites share: a site repair never opens one as a whole."""

from __future__ import annotations

from collections.abc import Iterable

from gateway.policy.names.hosts import is_under

# CDNs, storage, and companies with many kinds of services that publicsuffix.org does not have, or not as a
# whole. Its entries are no single owner's domain.
SHARED = frozenset({
    "akamai.net", "akamaiedge.net", "akamaihd.net", "akamaitechnologies.com", "alibabacloud.com",
    "alicdn.com", "aliyuncs.com", "amazonaws.com", "appspot.com", "arubacloud.com", "azure.com",
    "azureedge.net", "azurefd.net", "azurewebsites.net", "b-cdn.net", "backblazeb2.com",
    "bitrix24.site", "bunny.net", "bunnycdn.com", "cdn77.net", "cdn77.org", "cdninstagram.com",
    "cdnvideo.ru", "clientcdn.com", "cloudflare.com", "cloudflare.net", "cloudflarestorage.com",
    "cloudfront.net", "cloudinary.com", "digitaloceanspaces.com", "edgecastcdn.net", "edgekey.net",
    "edgesuite.net", "fastly.net", "fastlylb.net", "fbcdn.net", "firebaseio.com", "g.page", "gcdn.co",
    "gcore.com", "ggpht.com", "github.io", "githubusercontent.com", "google.com", "googleapis.com",
    "googleusercontent.com", "gstatic.com", "gvt1.com", "gvt2.com", "herokuapp.com", "hwcdn.net",
    "imgix.net", "incapdns.net", "jsdelivr.net", "jwpcdn.com", "keycdn.com", "kxcdn.com", "lencr.org",
    "llnwd.net", "ltmsphcl.net", "mail.ru", "microsoft.com", "msecnd.net", "netdna-cdn.com",
    "netdna-ssl.com", "netlify.app", "ngenix.net", "ovh.net", "pages.dev", "qcloud.com", "r2.dev",
    "rackcdn.com", "sanity.io", "selcdn.ru", "selectel.ru", "shopifycdn.com", "squarespace.com",
    "stackpathcdn.com", "storage.yandexcloud.net", "tildacdn.com", "trafficmanager.net", "twimg.com",
    "unpkg.com", "userapi.com", "usercdn.ru", "vercel.app", "vimeocdn.com", "vk.com", "vkuser.net",
    "wasabisys.com", "windows.net", "wixstatic.com", "wp.com", "wpengine.com", "yandex.com",
    "yandex.kz", "yandex.net", "yandex.ru", "yandexcloud.net", "yastatic.net",
})  # fmt: skip


def is_shared(domain: str, service_domains: Iterable[str]) -> bool:
    """Return True if unrelated sites, or services with their own rules, have names under ``domain``."""
    return any(is_under(name, domain) for name in (*SHARED, *service_domains))
