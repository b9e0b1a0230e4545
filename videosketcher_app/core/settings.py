"""AppSettings: how this copy of the app is set up. Defaults < .env < environment < arguments.

Every field is read from VIDEOSKETCHER_<FIELD>, first from a file named .env in the working
folder, then from the environment. Keys are held as secrets: they never print.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import AliasChoices, Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.core.secret import Secret

PREFIX = "VIDEOSKETCHER_"
PLANNERS = ("auto", "openai", "qwen", "library")
DEFAULT_BASE_URL = "https://api.openai.com/v1"
DEFAULT_LLM_MODEL = "gpt-5.2"
DEFAULT_HF_ENDPOINT = "https://huggingface.co"
DEFAULT_MODELSCOPE_ENDPOINT = "https://modelscope.cn"


def _aliases(name: str) -> AliasChoices:
    """The setting's name here, with our prefix, and as other programs spell it."""
    return AliasChoices(name, f"{PREFIX}{name.upper()}", name.upper())


class AppSettings(BaseSettings):
    """Settings of one start of the app; frozen once built.

    workspace holds what the app keeps for itself (models, history, logs), output_dir what a
    person made. keep_prompts leaves prompt and plan in exported files. memory_gb is how much
    device memory the app may use; None means all of it.
    openai_api_key, openai_base_url and llm_model are the language model that plans; they are also
    read from OPENAI_API_KEY, OPENAI_BASE_URL and LLM_MODEL. hf_token lets downloads read models that
    want a login; also read from HF_TOKEN, and no longer in the environment once the app is up.
    offline forbids downloads; also read from HF_HUB_OFFLINE. hf_endpoint and modelscope_endpoint are
    the hubs, or mirrors of them; also read from HF_ENDPOINT and MODELSCOPE_ENDPOINT.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=".env",
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )

    workspace: Path = Field(default_factory=lambda: Path.home() / ".videosketcher")
    output_dir: Path = Path("outputs")
    host: str = Field(default="127.0.0.1", min_length=1, max_length=253)
    port: int = Field(default=7860, ge=1, le=65535)
    queue_size: int = Field(default=20, ge=1, le=1000)
    device: str = Field(default="auto", pattern=r"^(auto|cpu|mps|xpu|cuda(:\d{1,2})?)$")
    keep_prompts: bool = True
    memory_gb: float | None = Field(default=None, gt=0, le=4096, allow_inf_nan=False)
    refine_backend: Literal["auto", "openai", "qwen", "library"] = "auto"
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    openai_api_key: Secret | None = Field(default=None, validation_alias=_aliases("openai_api_key"))
    hf_token: Secret | None = Field(default=None, validation_alias=_aliases("hf_token"))
    offline: bool = Field(
        default=False,
        validation_alias=AliasChoices("offline", f"{PREFIX}OFFLINE", "HF_HUB_OFFLINE"),
    )
    hf_endpoint: str = Field(
        default=DEFAULT_HF_ENDPOINT, max_length=300, validation_alias=_aliases("hf_endpoint")
    )
    modelscope_endpoint: str = Field(
        default=DEFAULT_MODELSCOPE_ENDPOINT,
        max_length=300,
        validation_alias=_aliases("modelscope_endpoint"),
    )
    openai_base_url: str = Field(
        default=DEFAULT_BASE_URL, max_length=300, validation_alias=_aliases("openai_base_url")
    )
    llm_model: str = Field(
        default=DEFAULT_LLM_MODEL,
        min_length=1,
        max_length=100,
        validation_alias=_aliases("llm_model"),
    )

    @field_validator("workspace", "output_dir")
    @classmethod
    def _expand(cls, value: Path) -> Path:
        if "\x00" in str(value):
            raise ValueError("a path must not contain a NUL character")
        return value.expanduser()

    @field_validator("log_level", mode="before")
    @classmethod
    def _upper(cls, value: object) -> object:
        return value.upper() if isinstance(value, str) else value


def load_settings(**arguments: object) -> AppSettings:
    """Settings from all four sources; an argument that is None counts as not given.

    Raises:
        InvalidRequest: a value is not possible; the message names the variable, not the value.
    """
    given = {name: value for name, value in arguments.items() if value is not None}
    unknown = sorted(set(given) - set(AppSettings.model_fields))
    assert not unknown, f"no such setting: {unknown}"
    try:
        return AppSettings(**given)  # type: ignore[arg-type]
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        field = str(first["loc"][0]) if first["loc"] else "settings"
        variable = field.upper() if field.upper().startswith(PREFIX) else PREFIX + field.upper()
        raise InvalidRequest(
            f"The setting {variable} is not possible: {first['msg']}.",
            hint=f"Correct {variable} in the environment or in .env, or leave it out.",
        ) from None
    except UnicodeDecodeError as error:
        raise InvalidRequest(
            f"The file .env is not UTF-8 text: {error.reason} at byte {error.start}.",
            hint="Save it as UTF-8 or remove it.",
        ) from None
