import pytest
import torch

from utils import needs


def stub():
    raise NotImplementedError


class Model(torch.nn.Module):
    def encode(self, x):
        raise NotImplementedError


def test_a_finished_body_runs():
    with needs("stub"):
        done = True
    assert done


def test_a_stub_gives_one_line_with_its_name(capsys):
    with needs("Model", "stub"):
        stub()
    assert capsys.readouterr().out == (
        "Not attempted yet: stub. Fill in its cell, run it, then run this one again.\n"
    )


def test_a_stub_that_another_answer_calls_is_the_one_named(capsys):
    def finished():
        return stub()

    with needs("finished"):
        finished()
    assert "Not attempted yet: stub." in capsys.readouterr().out


def test_an_unfinished_method_is_named_by_its_class(capsys):
    with needs("Model"):
        Model().encode(0)
    assert "Not attempted yet: Model." in capsys.readouterr().out


def test_an_answer_that_no_cell_defined_gives_one_line(capsys):
    def calls():
        return reparameterize()  # noqa: F821

    with needs("VAE", "reparameterize"):
        calls()
    assert capsys.readouterr().out.count("\n") == 1


def test_a_variable_that_a_skipped_cell_should_have_made_gives_one_line(capsys):
    with needs("VAE", "vae_loss"):
        print(history)  # noqa: F821
    assert capsys.readouterr().out.startswith("Not attempted yet: VAE, vae_loss. Fill in their cells")


def test_a_typo_inside_an_answer_passes_through():
    def answer():
        return reparametrise()  # noqa: F821

    with pytest.raises(NameError), needs("answer"):
        answer()


@pytest.mark.parametrize("error", [ValueError, KeyError, RuntimeError, KeyboardInterrupt, SystemExit])
def test_other_exceptions_pass_through(error):
    with pytest.raises(error), needs("VAE"):
        raise error


def test_a_missing_forward_is_not_called_unattempted():
    with pytest.raises(NotImplementedError, match="forward"), needs("Model"):
        Model()(0)


def test_an_operator_that_the_device_lacks_is_not_called_unattempted():
    with pytest.raises(NotImplementedError), needs("VAE"):
        raise NotImplementedError("The operator 'aten::x' is not implemented for the MPS device")
