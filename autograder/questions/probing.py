"""How a VAE or CVAE class is probed: any architecture is right that keeps the contract.

Nothing is compared with a reference here. Each test is a relation that every right model has, whatever its weights:
encode is deterministic and treats each image by itself in eval mode, all outputs can take all real values,
forward decodes a z with mean mu and variance exp(logvar) in both modes, gradients reach the encoder.
Models are shaken before they are asked, so that weights which start at 0 hide nothing; those that are pushed are
not, since whoever starts all layers at 0 has a network that learns nothing.
"""

import torch

ROWS = 400       # draws that stand in a two-sample test of forward's z
LATENT = 3
WIDE = 40        # latents of the model whose z is looked at where forward hands it to decode


def model_probe(draw, name: str, given: bool, labels: bool = False):
    """(inputs, steps, tests) for a class `name`; with `labels`, encode, decode and forward take y as well."""
    n, classes = 5, 10
    inputs = {"x": draw.images(n), "z": 1.5 * draw.normal(n, LATENT), "x1": draw.images(1),
              "pixels": draw.permutation(784)[:64], "w": draw.signed(784)}
    y, y1, ys2 = [], {"eval": [], "train": []}, []
    if labels:
        inputs["y"] = 1 + draw.permutation(classes - 1)[:n]  # not the 0 that a forgotten label may be
        inputs["y1"] = inputs["y"][:1].clone()
        y, y1, ys2 = ["$y"], {"eval": ["$y1"], "train": ["$y_last"]}, ["$y_head"]
        inputs["y_axes"] = inputs["y"][:1].repeat(LATENT + 1)
        inputs["y_head"] = inputs["y"][:2].clone()
        inputs["y_last"] = inputs["y"][-1:].clone()
    inputs["z"][:, 0].abs_()    # behind a relu rows differ, too
    # one z, and the same moved along each axis, to where no relu hides it
    further = torch.diag(inputs["z"][0].abs() - inputs["z"][0] + 2.0)
    inputs["z_axes"] = inputs["z"][:1] + torch.cat([torch.zeros(1, LATENT), further])
    inputs["x_moved"] = inputs["x"].roll(1, 0)
    inputs |= {"x_head": inputs["x"][:2].clone(), "x_last": inputs["x"][-1:].clone(),
               "z_head": inputs["z"][:2].clone(), "z_last": inputs["z"][-1:].clone()}
    last, axes = (["$y_last"], ["$y_axes"]) if labels else ([], [])

    def call(as_, what, *args, mode="eval", **more):
        return {"as": as_, "call": what, "args": list(args), "mode": mode, **more}

    def new(as_, shaken=True, **kwargs):
        return {"as": as_, "new": name, "kwargs": kwargs, **({"shake": ["$x", *y]} if shaken else {})}

    steps = [new("model", latent_dim=LATENT), new("default", shaken=False), new("wide", latent_dim=WIDE),
             call("enc", "model.encode", "$x", *y), call("enc_again", "model.encode", "$x", *y),
             call("enc_head", "model.encode", "$x_head", *ys2), call("enc_last", "model.encode", "$x_last", *last),
             call("dec", "model.decode", "$z", *y, right_after="enc"), call("dec_again", "model.decode", "$z", *y, right_after="dec"),
             call("dec_head", "model.decode", "$z_head", *ys2), call("dec_last", "model.decode", "$z_last", *last),
             call("dec_axes", "model.decode", "$z_axes", *axes),
             call("enc_moved", "model.encode", "$x_moved", *y),
             call("dec_still", "model.decode", "$z", *y, right_after="enc_moved"),
             call("fwd", "model", "$x", *y, tap="decode"), call("fwd_fresh", "model", "$x", *y, right_after="fwd"),
             call("fwd_handed", "model.decode", "$fwd.handed", *y),
             *(call(f"fwd_{which}", "model", "$x", *y, grad=["x"], weights="w", row=row)
               for which, row in (("first", 0), ("last", n - 1))),
             call("fwd_one", "model", "$x_last", *last), call("fwd_again", "model", "$x_last", *last, right_after="fwd_one"),
             new("narrow", shaken=False, latent_dim=1), call("enc_narrow", "narrow.encode", "$x", *y),
             call("wide_few", "wide", "$x", *y, tap="decode", pixels="pixels"),
             call("enc_default", "default.encode", "$x", *y)]

    def pushed(as_, target, sign, until, args, shaken=False):
        return [new(f"model_{as_}", shaken=shaken, latent_dim=LATENT),
                {"as": f"push_{as_}", "push": f"model_{as_}.{target}", "args": args, "sign": sign, "until": until,
                 "after": [f"little_{as_}"] if as_ in ("high", "dec_high") else []}]

    def drawn(which, model, mode, after):
        """One image many times through forward, what decode makes of as many draws that are right, and of mu."""
        labels_of_all, how = [f"{v}*{ROWS}" for v in y1[mode]], {"mode": mode, "pixels": "pixels"}
        return [{**call(f"draws_{which}", model, f"$x1*{ROWS}", *labels_of_all, **how, no_grad=mode == "eval"), "after": after},
                {"as": f"z_{which}", "draw": [f"$draws_{which}.1", f"$draws_{which}.2"]},
                {"as": f"mu_{which}", "draw": [f"$draws_{which}.1", f"$draws_{which}.2"], "std": 0.0},
                call(f"like_{which}", f"{model}.decode", f"$z_{which}", *labels_of_all, **how),
                {**call(f"middle_{which}", f"{model}.decode", f"$mu_{which}", *labels_of_all, **how),
                 "after": [f"draws_{which}", f"like_{which}"]}]

    # a few steps, after which whatever can learn depends on what it is given; then the same models go on
    for as_, target, args in (("high", "encode", ["$x", *y]), ("dec_high", "decode", ["$z", *y])):
        steps += [{"as": f"begun_{as_}", "push": f"model_{as_}.{target}", "args": args, "sign": 1, "by": 0.2},
                  {**call(f"little_{as_}", f"model_{as_}.{target}", *args), "after": [f"begun_{as_}"]}]
    apart = [1.6, 3.2]      # mu and logvar, which should not be taken for each other
    for as_, target, sign, until, args in (("low", "encode", -1, apart, ["$x", *y]), ("high", "encode", 1, 1.6, ["$x", *y]),
                                           ("dec_low", "decode", -1, 2.2, ["$z", *y]),
                                           ("dec_high", "decode", 1, 2.2, ["$z", *y])):
        steps += [*pushed(as_, target, sign, until, args),
                  {**call(as_, f"model_{as_}.{target}", *args), "after": [f"push_{as_}"]}]

    steps += pushed("drawn", "encode", -1, apart, ["$x", *y], shaken=True)
    before = ["push_drawn"]
    for mode in ("eval", "train"):
        steps += [{**call(f"wide_{mode}", "wide", f"$x1*{ROWS}", *[f"{v}*{ROWS}" for v in y1[mode]], mode=mode, tap="decode",
                          pixels="pixels", no_grad=mode == "eval"), "after": ["wide_eval"] * (mode == "train")},
                  *drawn(mode, "model_drawn", mode, before)]
        # train mode comes after all eval calls: BatchNorm changes its statistics there, and spectral norm its estimate,
        # which must settle first
        before = [f"like_{mode}", f"draws_{mode}", f"middle_{mode}"]
        if mode == "eval":
            steps.append(call("settled", "model_drawn", "$x", *y, mode="train", times=30, no_grad=True, after=before))
            before = ["settled"]
    # the same where sigma is large
    steps += [*pushed("broad", "encode", 1, [1.6, 6.0], ["$x", *y], shaken=True),
              *drawn("broad", "model_broad", "eval", ["push_broad"])]
    steps += [new("learner", latent_dim=LATENT),
              call("learn", "learner", "$x", *y, mode="train", grad=["x"], weights="w", through=True)]

    tests = _tests(n)
    if given:  # only what a call of an earlier answer can spoil
        tests = [test for test in tests
                 if test["criterion"] == "sampling" or str(test.get("of")).startswith(("fwd", "learn"))]
        spared = ("enc_again", "dec_again", "dec_axes", "dec_still", "enc_moved", "_head", "enc_last",
                  "dec_last", "high", "low", "default", "narrow")
        steps = [step for step in steps if not any(part in step["as"] for part in spared)]
        for step in steps:
            step["after"] = [name for name in step.get("after", ()) if not any(part in name for part in spared)]
    return inputs, steps, tests


def _tests(n: int) -> list[dict]:
    def test(kind, criterion, say="", **arguments):
        return {"test": kind, "criterion": criterion, **arguments, **({"say": say} if say else {})}

    image = [n, 1, 28, 28]
    tests = [test("is_module", "interface", of="model"), test("clean", "interface"),
             test("count", "interface", of="enc", n=2),
             test("returns", "interface", of="enc.0", shape=[n, LATENT]),
             test("returns", "interface", of="enc.1", shape=[n, LATENT]),
             test("returns", "interface", of="dec", shape=image),
             test("count", "interface", of="fwd", n=3),
             test("returns", "interface", of="fwd.0", shape=image),
             test("returns", "interface", "latent_dim is not used, or its default is not 20: encode returns another "
                                          "size.", of="enc_default.0", shape=[n, 20]),
             test("returns", "interface", of="enc_last.0", shape=[1, LATENT]),
             *(test("returns", "interface", of=f"enc_narrow.{part}", shape=[n, 1]) for part in (0, 1)),
             *(test("returns", "interface", of=f"fwd_one.{part}", shape=shape)
               for part, shape in enumerate(([1, 1, 28, 28], [1, LATENT], [1, LATENT])))]
    for part in (0, 1):
        tests += [test("same", "encoder", "encode gives two results for the same images in eval mode: noise belongs "
                                          "into forward, layers into __init__, and nothing is kept for the next call.",
                       of=f"enc.{part}", other=f"enc_again.{part}"),
                  test("same", "encoder", "encode must treat each image by itself in eval mode: its result for the "
                                          "first two changes with the rest of the batch.",
                       of=f"enc.{part}", other=f"enc_head.{part}", rows=[0, 1], rtol=1e-3, atol=1e-4),
                  test("same", "encoder", "encode must treat each image by itself in eval mode: its result for the "
                                          "last one changes with the rest of the batch.",
                       of=f"enc.{part}", other=f"enc_last.{part}", rows=[n - 1], rtol=1e-3, atol=1e-4)]
    tests += [test("learns", "interface", of="learn"),
             test("same", "interface", "The second value of forward is not the mu that encode gives for the same images: "
                                       "return (logits, mu, logvar) with both as encode gives them.",
                  of="fwd.1", other="enc.0", rather="enc.1"),
             test("same", "interface", "The third value of forward is not the logvar that encode gives for the same images: "
                                       "return (logits, mu, logvar) with both as encode gives them.",
                  of="fwd.2", other="enc.1", rather="enc.0")]
    tests += [test("differs", "encoder", "encode gives the same mu for different images: it does "
                                         "not look at them, or a relu at its end hides it.",
                   of="enc.0"),
              test("differs", "encoder", "encode gives the same logvar for different images: it does "
                                         "not depend on them, or a relu at its end hides it.", of="enc.1"),
              test("differs", "encoder", "encode does not learn to look at the images: do all weights start at 0?",
                   of="little_high.0"),
              test("differs", "encoder", "mu and logvar are the same numbers: each needs its own output of the "
                                         "network.", of="enc.0", other="enc.1", per_row=True),
              test("reaches", "encoder", "logvar cannot fall below -2 (a softplus, relu, tanh, exp, square or clamp "
                                         "at the end?): it is a logarithm, leave it linear.", of="low.1", below=-2.0),
              test("reaches", "encoder", "logvar cannot rise above 1.2: leave its layer linear.",
                   of="high.1", above=1.2),
              test("reaches", "encoder", "mu cannot become clearly negative: leave the last layer linear.",
                   of="low.0", below=-1.2),
              test("reaches", "encoder", "mu cannot become clearly larger than 1: leave the last layer linear.",
                   of="high.0", above=1.2),
              test("same", "decoder", "decode gives two results for the same z in eval mode: it must be "
                                      "deterministic, with its layers made in __init__.", of="dec", other="dec_again"),
              test("same", "decoder", "decode must treat each row by itself in eval mode: its result for one changes with "
                                      "the others.", of="dec", other="dec_head", rows=[0, 1], rtol=1e-3, atol=1e-4),
              test("same", "decoder", "decode must treat each row by itself in eval mode: its result for one changes with "
                                      "the others.", of="dec", other="dec_last", rows=[n - 1], rtol=1e-3, atol=1e-4),
              test("same", "decoder", "decode gives another picture for the same z after encode has seen other images: "
                                      "what encode keeps must not reach decode.", of="dec_still", other="dec"),
              test("moves", "decoder", of="push_dec_high"),
              test("reaches", "decoder", "decode cannot give values above 1: return logits, which take any value, "
                                          "without the sigmoid (or a softmax, or the logarithm of one).",
                   of="dec_high", above=1.5),
              test("reaches", "decoder", "decode cannot give negative values: return logits, without sigmoid or relu.",
                   of="dec_low", below=-1.5),
              test("differs", "decoder", "decode gives the same picture for different z.", of="dec"),
              test("differs", "decoder", "decode does not look at all of z: along one of its axes the picture stays the "
                                         "same.", of="dec_axes"),
              test("differs", "decoder", "decode does not learn to look at z: do all weights start at 0?",
                   of="little_dec_high"),
              test("decoded", "sampling", of="fwd", again="fwd_handed", named=False),
              test("differs", "sampling", "Two calls of forward give the same pictures: sample z, with new noise in each call.",
                   of="fwd.0", other="fwd_fresh.0"),
              test("differs", "sampling", "forward draws no noise for a batch of one image.", of="fwd_one.0", other="fwd_again.0"),
              *(test("samples", "sampling", of=f"draws_{mode}.0", like=f"like_{mode}", middle=f"middle_{mode}",
                     logvar=f"draws_{mode}.2") for mode in ("eval", "train", "broad")),
              *(test("drawn", "sampling", of=f"wide_{mode}", named=False) for mode in ("eval", "train")),
              test("drawn", "sampling", of="wide_few", named=False),
              *(test("own_row", "sampling", of=f"fwd_{which}", wrt=wrt, row=row)
                for which, row in (("first", 0), ("last", n - 1)) for wrt in ("x", "1", "2")),
              test("mean_kept", "sampling", of="draws_train"),
              test("reached", "sampling", of="learn", wrt="x")]
    return tests


def label_tests(draw, inputs: dict, steps: list, tests: list, name: str) -> None:
    """Add to a `model_probe` with labels what shows that encoder and decoder use the label of each row."""
    n = len(inputs["x"])
    inputs["y_other"] = (inputs["y"] + (2, 3, 4, 6, 7)[draw.integer(0, 4)]) % 10     # not 5: five codes are another mistake
    inputs["z_one"] = inputs["z"][:1].clone()
    inputs["z_ten"] = inputs["z"][:1].repeat(10, 1)
    inputs["y_ten"] = torch.arange(10)
    inputs["y_twelve"] = 11 - torch.arange(12)
    inputs["y_mixed"] = torch.cat([inputs["y"][:1], inputs["y_other"][1:]])
    eval_ = {"mode": "eval"}
    steps += [{"as": "enc_other", "call": "model.encode", "args": ["$x", "$y_other"], **eval_},
              {"as": "dec_other", "call": "model.decode", "args": ["$z", "$y_other"], **eval_},
              {"as": "fwd_other", "call": "model", "args": ["$x", "$y_other"], **eval_},
              {"as": "enc_mixed", "call": "model.encode", "args": ["$x", "$y_mixed"], **eval_},
              {"as": "dec_mixed", "call": "model.decode", "args": ["$z", "$y_mixed"], **eval_},
              {"as": "dec_ten", "call": "model.decode", "args": ["$z_ten", "$y_ten"], **eval_},
              {"as": "dec_ten_last", "call": "model.decode", "args": ["$z_last*10", "$y_ten"], **eval_},
              {"as": "enc_ten_last", "call": "model.encode", "args": ["$x_last*10", "$y_ten"], **eval_},
              {"as": "twelve", "new": name, "kwargs": {"latent_dim": LATENT, "num_classes": 12},
               "shake": ["$x1*12", "$y_twelve"]},
              {"as": "enc_ten", "call": "model.encode", "args": ["$x1*10", "$y_ten"], **eval_},
              {"as": "enc_twelve", "call": "twelve.encode", "args": ["$x1*12", "$y_twelve"], **eval_},
              {"as": "dec_twelve", "call": "twelve.decode", "args": ["$z_one*12", "$y_twelve"], **eval_}]
    # in train mode, with the same noise: a model of its own, since BatchNorm changes its statistics there
    steps.append({"as": "pupil", "new": name, "args": [LATENT], "shake": ["$x", "$y"]})
    steps += [{"as": f"{part}_train{which}", "call": f"pupil.{part}ode", "args": [first, f"$y{which}"], "mode": "train",
               "noise": 1} for part, first in (("enc", "$x"), ("dec", "$z")) for which in ("", "_other")]
    tests += [
        {"test": "differs", "criterion": "encoder", "of": "enc.0", "other": "enc_moved.0", "per_row": True,
         "say": "encode does not look at the images: mu stays the same when x changes."},
        {"test": "differs", "criterion": "labels", "of": "enc_ten.0", "some": True,
         "say": "The encoder ignores the label: mu stays the same when y changes."},
        {"test": "differs", "criterion": "labels", "of": "dec_ten", "some": True,
         "say": "The decoder ignores the label: the picture stays the same when y changes."},
        {"test": "differs", "criterion": "labels", "of": "enc_ten.0",
         "say": "Some labels give the same mu for the same image: every label needs its own code."},
        {"test": "differs", "criterion": "labels", "of": "dec_ten",
         "say": "Some digits give the same picture for the same z: every label needs its own code."},
        {"test": "differs", "criterion": "encoder", "of": "enc_ten.0", "other": "enc_ten_last.0", "per_row": True,
         "say": "For some digits encode does not look at the image: mu stays the same when x changes."},
        {"test": "differs", "criterion": "decoder", "of": "dec_ten", "other": "dec_ten_last", "per_row": True,
         "say": "For some digits decode does not look at z: the picture stays the same when z changes."},
        *({"test": "differs", "criterion": "labels", "of": of, "other": other, "per_row": True,
           "say": f"{where} must use each row's own label: for some rows nothing changes with their y."}
          for of, other, where in (("enc.0", "enc_other.0", "encode"), ("dec", "dec_other", "decode"))),
        {"test": "differs", "criterion": "labels", "of": "fwd.1", "other": "fwd_other.1", "per_row": True,
         "say": "forward does not hand the label to the encoder: mu stays the same when y changes."},
        *({"test": "same", "criterion": "labels", "of": of, "other": other, "rows": [0], "both": True, "rtol": 1e-3,
           "atol": 1e-4, "say": f"{where} must use each row's own label: its first result changes with the labels of "
                                "the others."}
          for of, other, where in (("enc.0", "enc_mixed.0", "encode"), ("dec", "dec_mixed", "decode"))),
        *({"test": "differs", "criterion": "labels", "of": f"{part}_train{end}", "other": f"{part}_train_other{end}",
           "say": f"In train mode {part}ode does not use the label: its result stays the same when y changes."}
          for part, end in (("enc", ".0"), ("dec", ""))),
        {"test": "returns", "criterion": "interface", "of": "enc_twelve.0", "shape": [12, LATENT]},
        {"test": "returns", "criterion": "interface", "of": "dec_twelve", "shape": [12, 1, 28, 28]},
        *({"test": "differs", "criterion": "labels", "of": of, "say": "With num_classes = 12 some labels are taken for the "
           "same: every label needs its own code."} for of in ("enc_twelve.0", "dec_twelve"))]
