"""Certificates and users for a broker that lets nobody in without: made on the spot, for a test."""

from __future__ import annotations

import secrets
import subprocess
from pathlib import Path

from rig import checks

USER = "session-job"
MECHANISM = "SCRAM-SHA-256"


class Security:
    """A broker's certificate, a stranger's, and one user; all in a folder of their own."""

    def __init__(self, folder: Path):
        self._folder = folder
        self.password = secrets.token_hex(16)
        # Of the stores; the JDK wants one.
        self.store_password = secrets.token_hex(16)
        folder.mkdir(parents=True)
        self.key_store = self._certificate("broker")
        self.trust_store = self._trusting("broker")
        self._certificate("stranger")
        # What trusts another certificate than the broker's.
        self.strange_trust_store = self._trusting("stranger")

    @property
    def secrets(self) -> tuple[str, ...]:
        """What may be seen nowhere."""
        return self.password, self.store_password

    def broker_settings(self, listener: str) -> str:
        """The lines of a listener whose clients speak TLS and give a name and a password."""
        of_listener = f"listener.name.{listener.lower()}"
        return "".join(
            f"{name}={value}\n"
            for name, value in {
                f"{of_listener}.ssl.keystore.location": self.key_store,
                f"{of_listener}.ssl.keystore.password": self.store_password,
                f"{of_listener}.sasl.enabled.mechanisms": MECHANISM,
                f"{of_listener}.{MECHANISM.lower()}.sasl.jaas.config": (
                    "org.apache.kafka.common.security.scram.ScramLoginModule required;"
                ),
                "authorizer.class.name": (
                    "org.apache.kafka.metadata.authorizer.StandardAuthorizer"
                ),
                # Those of the plain listener: the rig itself.
                "super.users": "User:ANONYMOUS",
            }.items()
        )

    @property
    def credentials(self) -> str:
        """The user, as the broker's format tool takes it."""
        return f"{MECHANISM}=[name={USER},password={self.password}]"

    def job_config(self, password: str | None = None, trust_store: Path | None = None) -> Path:
        """A file of options by which the job gets in, or does not."""
        login = "org.apache.kafka.common.security.scram.ScramLoginModule"
        file = self._folder / f"job-{secrets.token_hex(4)}.properties"
        file.write_text(
            "kafka.security.protocol=SASL_SSL\n"
            f"kafka.sasl.mechanism={MECHANISM}\n"
            f'kafka.sasl.jaas.config={login} required username="{USER}"'
            f' password="{password or self.password}";\n'
            f"kafka.ssl.truststore.location={trust_store or self.trust_store}\n"
            f"kafka.ssl.truststore.password={self.store_password}\n"
        )
        return file

    def _certificate(self, name: str) -> Path:
        store = self._folder / f"{name}.p12"
        self._keytool(
            *("-genkeypair", "-alias", name, "-keyalg", "RSA", "-keysize", "2048"),
            *("-dname", "CN=localhost", "-ext", "SAN=dns:localhost,ip:127.0.0.1"),
            *("-validity", "2", "-keystore", store),
        )
        exported = self._folder / f"{name}.pem"
        self._keytool("-exportcert", "-rfc", "-alias", name, "-keystore", store, "-file", exported)
        return store

    def _trusting(self, name: str) -> Path:
        store = self._folder / f"trusting-{name}.p12"
        certificate = self._folder / f"{name}.pem"
        self._keytool(
            *("-importcert", "-noprompt", "-alias", name),
            *("-file", certificate, "-keystore", store),
        )
        return store

    def _keytool(self, *arguments: object) -> None:
        subprocess.run(
            [
                *(checks.java("keytool"), *arguments),
                *("-storetype", "PKCS12", "-storepass", self.store_password),
            ],
            check=True,
            capture_output=True,
        )
