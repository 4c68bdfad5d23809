"""Settings and signatures: what leaves the hub, and what is refused before anything does."""

from __future__ import annotations

import email.message
import os
import time
import unittest
from typing import Any
from unittest import mock

from support import OTHER_SECRET, SECRET, Case, Server, is_signed, reply

import hubforge_hub as hubforge


class Secrets(unittest.TestCase):
    def test_settings_that_were_swapped_do_not_show_the_secret(self) -> None:
        for wrong in ({"url": SECRET, "secret": "http://x"}, {"hub": SECRET}, {"url": "ftp://u:whsec@x"}):
            with self.assertRaises(ValueError) as caught:
                hubforge.read_settings({"url": "http://127.0.0.1", "secret": SECRET, **wrong})
            self.assertNotIn(SECRET, str(caught.exception))
            self.assertNotIn("u:whsec", str(caught.exception))

    def test_a_placeholder_is_no_secret_and_says_so(self) -> None:
        with self.assertRaisesRegex(ValueError, "must be whsec_ and the base64 of 24 to 64 random bytes"):
            hubforge.read_secrets("whsec_…")


class Signature(unittest.TestCase):
    VECTORS = (
        (b'{"type":"server.requested","user":"ada"}', "v1,KrqyXmoPjs7GvYIk5y6avlOWnMB3ydvC9f9BJFxXusA="),
        ('{"user":"Żółć"}'.encode(), "v1,qh8d7RxYaqTG2tY9+SPb7fdpbejFqEIA4ERU5wpncgA="),
        (b"", "v1,k2HFYjRCDdieHOklkBiTdu0lYqF0ihRp9mxQwLRWF/o="),
    )

    def test_it_is_what_the_published_vectors_say(self) -> None:
        secrets = hubforge.read_secrets("whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")
        for body, signature in self.VECTORS:
            self.assertEqual(hubforge.sign(secrets, "evt_01", 1767225600, body), signature)

    def test_several_secrets_sign_one_after_the_other_separated_by_blanks(self) -> None:
        """Case F8: the form that no proxy folds."""
        secrets = hubforge.read_secrets([OTHER_SECRET, SECRET])
        old, new = hubforge.sign(secrets, "evt_01", 1767225600, b"{}").split(" ")
        self.assertEqual(old, hubforge.sign(secrets[:1], "evt_01", 1767225600, b"{}"))
        self.assertEqual(new, hubforge.sign(secrets[1:], "evt_01", 1767225600, b"{}"))


class Post(Case):
    def test_the_receiver_can_verify_it(self) -> None:
        seen: list[bool] = []

        def answer(handler: Any, body: bytes) -> None:
            seen.append(is_signed(handler.headers, body))
            reply(handler, 202)

        server = self.enter(Server(answer))
        secrets = hubforge.read_secrets([OTHER_SECRET, SECRET])
        self.assertEqual(hubforge.post(server.url, "evt_1", b"{}", secrets, 5).status, 202)
        self.assertEqual(seen, [True])

    def test_a_redirect_is_an_answer_and_the_environments_proxy_is_left_out(self) -> None:
        server = self.enter(Server(lambda handler, body: reply(handler, 301, {}, {"Location": "http://127.0.0.1:9/"})))
        with mock.patch.dict(os.environ, {"http_proxy": "http://127.0.0.1:9"}):
            self.assertEqual(hubforge.post(server.url, "evt_1", b"{}", [b"k"], 5).status, 301)

    def test_no_answer_is_no_answer_however_it_fails(self) -> None:
        hanging = self.enter(Server(lambda handler, body: time.sleep(1)))
        rubbish = self.enter(Server(lambda handler, body: handler.wfile.write(b"what?\r\n\r\n") and None))
        for url in (hanging.url, rubbish.url, "http://127.0.0.1:9", "http://nobody.invalid"):
            with self.subTest(url), self.assertRaises(hubforge.NoAnswer):
                hubforge.post(url, "evt_1", b"{}", [b"k"], 0.3)

    def test_a_body_that_never_ends_costs_no_more_than_the_time_out(self) -> None:
        def drip(handler: Any, body: bytes) -> None:
            handler.send_response(202)
            handler.end_headers()
            for _ in range(400):
                handler.wfile.write(b"x")
                time.sleep(0.05)

        server = self.enter(Server(drip))
        before = time.monotonic()
        self.assertEqual(hubforge.post(server.url, "evt_1", b"{}", [b"k"], 0.3).status, 202)
        self.assertLess(time.monotonic() - before, 8)

    def test_headers_that_come_a_byte_at_a_time_cost_no_more_either(self) -> None:
        def drip(handler: Any, body: bytes) -> None:
            for byte in b"HTTP/1.1 202 Accepted\r\nX-Slow: " + b"x" * 400:
                handler.wfile.write(bytes([byte]))
                time.sleep(0.05)

        server = self.enter(Server(drip))
        before = time.monotonic()
        with self.assertRaisesRegex(hubforge.NoAnswer, "no whole answer within 0.3 s"):
            hubforge.post(server.url, "evt_1", b"{}", [b"k"], 0.3)
        self.assertLess(time.monotonic() - before, 8)

    def test_of_a_large_body_no_more_than_64_kib_is_kept(self) -> None:
        server = self.enter(Server(lambda handler, body: reply(handler, 200, b"x" * 300_000)))
        self.assertEqual(len(hubforge.post(server.url, "evt_1", b"{}", [b"k"], 5).body), 65536)


class Verdicts(unittest.TestCase):
    def test_each_status_means_one_thing(self) -> None:
        meanings = {
            "never": (400, 413, 415, 422),
            "later": (408, 409, 425, 429, 500, 502, 503, 504),
            "settings": (200, 202, 204, 301, 307, 401, 403, 404, 405, 410),
        }
        for meaning, statuses in meanings.items():
            for status in statuses:
                answer = hubforge.Answer(status, email.message.Message(), b"<html>Please sign in</html>")
                self.assertEqual(hubforge.verdict(answer, "evt_1"), meaning, status)

    def test_done_is_only_what_the_ingress_says_of_this_very_message(self) -> None:
        for status, body, meaning in (
            (202, b'{"id": "evt_1", "status": "queued"}', "done"),
            (202, b'{"id": "evt_2", "status": "queued"}', "settings"),
            (200, b'{"id": "evt_1", "status": "queued"}', "settings"),
            (202, b"", "settings"),
        ):
            answer = hubforge.Answer(status, email.message.Message(), body)
            self.assertEqual(hubforge.verdict(answer, "evt_1"), meaning, (status, body))

    def test_the_wait_doubles_up_to_half_a_minute_and_is_never_the_same(self) -> None:
        for attempts, longest in ((0, 0.5), (1, 1), (4, 8), (6, 30), (500, 30)):
            waits = {hubforge.retry_delay(attempts, None) for _ in range(50)}
            self.assertTrue(all(longest / 2 <= wait <= longest for wait in waits), attempts)
            self.assertGreater(len(waits), 40)

    def test_retry_after_is_honoured_up_to_a_quarter_of_an_hour(self) -> None:
        self.assertEqual(hubforge.retry_delay(0, "120"), 120)
        self.assertEqual(hubforge.retry_delay(0, "86400"), 900)
        date = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 60))
        self.assertAlmostEqual(hubforge.asked_delay(date), 60, delta=2)
        for rubbish in ("", "soon", "nan", "-5", "inf "):
            self.assertLessEqual(hubforge.retry_delay(0, rubbish), 900, rubbish)


class Settings(Case):
    def read(self, **given: Any) -> hubforge.Settings:
        with mock.patch.dict(os.environ, {"PATH": os.environ["PATH"]}, clear=True):
            return hubforge.read_settings({"outbox": str(self.new_folder() / "outbox.sqlite"), **given})

    def test_two_settings_are_enough(self) -> None:
        settings = self.read(url="https://hubforge.example/", secret=SECRET)
        self.assertEqual(settings.events_url, "https://hubforge.example/v1/events")
        self.assertEqual(settings.workspaces_url, "https://hubforge.example/v1/workspaces")
        self.assertEqual((settings.hub, settings.ready_wait_seconds), ("default", 5))

    def test_each_function_may_have_an_address_of_its_own(self) -> None:
        settings = self.read(url="https://a.example/v1/events", workspaces_url="https://b.example", secret=SECRET)
        self.assertEqual(settings.events_url, "https://a.example/v1/events")
        self.assertEqual(settings.workspaces_url, "https://b.example/v1/workspaces")

    def test_every_wrong_setting_is_named_at_once_and_no_secret_is_shown(self) -> None:
        with self.assertRaises(ValueError) as caught:
            self.read(url="ftp://x", secret="whsec_dG9wc2VjcmV0", hub="My Hub", outbox="/no/such/folder/x",
                      ready_wait_seconds=-1)  # fmt: skip
        told = str(caught.exception)
        for name in ("url", "secret", "hub", "outbox", "ready_wait_seconds"):
            self.assertRegex(told, rf"- {name}( \(or HUBFORGE_[A-Z_]+\))?: ")
        self.assertNotIn("workspaces_url", told)
        with self.assertRaisesRegex(ValueError, r"- workspaces_url \(or HUBFORGE_WORKSPACES_URL\): must be"):
            self.read(url="https://a.example", workspaces_url="b.example", secret=SECRET)
        self.assertNotIn("dG9wc2VjcmV0", told)

    def test_the_environment_fills_in_what_is_not_given(self) -> None:
        environment = {
            "HUBFORGE_INGRESS_URL": "http://127.0.0.1:1",
            "HUBFORGE_SECRET": f"{SECRET} {OTHER_SECRET}",
            "HUBFORGE_OUTBOX": str(self.new_folder() / "x.sqlite"),
            "HUBFORGE_HUB": "second",
        }
        with mock.patch.dict(os.environ, environment):
            settings = hubforge.read_settings({})
        self.assertEqual((settings.hub, len(settings.secrets)), ("second", 2))


if __name__ == "__main__":
    unittest.main()
