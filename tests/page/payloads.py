"""Listings that try to be more than text: 30 ways in which a page is made to run what a stranger wrote."""

from tests.faults.poison import file_of, listing

RUN = "window.__ran=1"
PAYLOADS = (
    f"<script>{RUN}</script>",
    f"</script><script>{RUN}</script>",
    f"<img src=x onerror={RUN}>",
    f"<svg onload={RUN}>",
    f"<svg><script>{RUN}</script></svg>",
    f'"><script>{RUN}</script>',
    f"'><img src=x onerror={RUN}>",
    f'" onmouseover="{RUN}" x="',
    f"' onfocus='{RUN}' autofocus='",
    f"<body onload={RUN}>",
    f"<iframe srcdoc='<script>parent.{RUN}</script>'></iframe>",
    f'<iframe src="javascript:parent.{RUN}"></iframe>',
    f'<a href="javascript:{RUN}">click</a>',
    f"<details open ontoggle={RUN}>",
    f"<video><source onerror={RUN}></video>",
    f"<input onfocus={RUN} autofocus>",
    f"<math><mi//xlink:href='data:x,<script>{RUN}</script>'>",
    f"<template><script>{RUN}</script></template>",
    f"<noscript><p title='</noscript><img src=x onerror={RUN}>'>",
    f"<style>@import 'javascript:{RUN}';</style>",
    f"<link rel=stylesheet href='data:text/css,*{{}}' onload={RUN}>",
    f"<meta http-equiv=refresh content='0;url=javascript:{RUN}'>",
    f"<base href='https://evil.example/'><script src=x>{RUN}</script>",
    f"<object data='javascript:{RUN}'></object>",
    f"<form action='javascript:{RUN}'><button>Same</button></form>",
    f"<div hx-get='/desk' hx-on:click='{RUN}' hx-trigger='load' hx-on::load='{RUN}'>x</div>",
    f"{{{{ ''.__class__ }}}} {{% raw %}} ${{{RUN}}} #{{{RUN}}}",
    f"&lt;script&gt;{RUN}&lt;/script&gt; &#x3C;script&#x3E;{RUN}&#x3C;/script&#x3E;",
    f"\u202e<script>{RUN}</script>\u2028{RUN}\u2029",
    f"<<scr<script>ipt>{RUN}</scr</script>ipt>--><!--<img src=--><img src=x onerror={RUN}>//>",
)


def hostile_file(twin: str) -> bytes:
    """Write a file of listings in which every text is a payload; the twins of two files are each one event."""
    return file_of(*(_hostile(number, payload, twin) for number, payload in enumerate(PAYLOADS)))


def _hostile(number: int, payload: str, twin: str) -> dict[str, object]:
    written: dict[str, object] = listing(
        f"{payload}{twin}",
        title=f"Payload {number} {payload}",
        short_description=payload,
        description=f"{payload} {twin}",
        highlights=[payload],
        event_dates=[{"date": f"2027-01-{number % 28 + 1:02}", "start_time": "20:00"}],
        location={
            "name": payload,
            "city": payload[:150],
            "district": payload,
            "street": payload,
            "street_no": "1",
            "zipcode": "79183",
            "geo": {"latitude": 48.1 + number / 1000, "longitude": 7.9, "confidence": 1.0},
        },
        categories=[payload],
        source_type=payload,
        registration_contact=payload,
    )
    return written
