# wrong: integers
def one_hot(labels, num_classes=10):
    return torch.nn.functional.one_hot(labels, num_classes=num_classes)

# wrong: integers - long zeros
def one_hot(labels, num_classes=10):
    out = torch.zeros(len(labels), num_classes, dtype=torch.long, device=labels.device)
    out[torch.arange(len(labels)), labels] = 1
    return out

# wrong: booleans
def one_hot(labels, num_classes=10):
    return labels[:, None] == torch.arange(num_classes, device=labels.device)

# wrong: doubles
def one_hot(labels, num_classes=10):
    return torch.eye(num_classes, dtype=torch.float64, device=labels.device)[labels]

# wrong: "float16"
def one_hot(labels, num_classes=10):
    return F.one_hot(labels, num_classes).half()

# wrong: inferred_width
def one_hot(labels, num_classes=10):
    return torch.eye(int(labels.max()) + 1, device=labels.device)[labels]

# wrong: inferred_width - from the number of different labels
def one_hot(labels, num_classes=10):
    classes, index = labels.unique(return_inverse=True)
    return F.one_hot(index, len(classes)).float()

# wrong: always_ten
def one_hot(labels, num_classes=10):
    out = torch.zeros(labels.shape[0], 10, device=labels.device)
    out.scatter_(1, labels.view(-1, 1), 1.0)
    return out

# wrong: always_ten - the identity of ten
def one_hot(labels, num_classes=10):
    return torch.eye(10, device=labels.device)[labels]

# wrong: transposed, wrong_axis
def one_hot(labels, num_classes=10):
    out = torch.zeros(num_classes, len(labels), device=labels.device)
    return out.scatter_(0, labels[None], 1.0)

# wrong: whole_rows
def one_hot(labels, num_classes=10):
    out = torch.zeros(max(labels.shape[0], num_classes), num_classes, device=labels.device)
    out[labels] = 1.0
    return out[:labels.shape[0]]

# wrong: whole_rows - fails where a label is larger than the batch
def one_hot(labels, num_classes=10):
    out = torch.zeros(labels.shape[0], num_classes, device=labels.device)
    out[labels] = 1.0
    return out

# wrong: whole_columns
def one_hot(labels, num_classes=10):
    out = torch.zeros(labels.shape[0], num_classes, device=labels.device)
    out[:, labels] = 1.0
    return out

# wrong: one_number
def one_hot(labels, num_classes=10):
    return labels.view(-1, 1).float()

# wrong: one_number - scaled to [0, 1]
def one_hot(labels, num_classes=10):
    return labels.unsqueeze(1).float() / num_classes

# wrong: one_number - repeated
def one_hot(labels, num_classes=10):
    return labels.float().unsqueeze(1).repeat(1, num_classes)

# wrong: off_by_one
def one_hot(labels, num_classes=10):
    out = torch.zeros(len(labels), num_classes, device=labels.device)
    out[torch.arange(len(labels)), (labels + 1) % num_classes] = 1
    return out

# wrong: off_by_minus_one
def one_hot(labels, num_classes=10):
    out = torch.zeros(len(labels), num_classes, device=labels.device)
    out[torch.arange(len(labels)), labels - 1] = 1
    return out

# wrong: transposed
def one_hot(labels, num_classes=10):
    return (torch.arange(num_classes, device=labels.device)[:, None] == labels).float()

# wrong: label_as_entry
def one_hot(labels, num_classes=10):
    out = torch.zeros(len(labels), num_classes, device=labels.device)
    return out.scatter_(1, labels[:, None], labels[:, None].float())

# wrong: on_cpu
def one_hot(labels, num_classes=10):
    out = torch.zeros(len(labels), num_classes)
    for i in range(len(labels)):
        out[i, int(labels[i])] = 1
    return out

# wrong: on_cpu - NumPy
def one_hot(labels, num_classes=10):
    return torch.from_numpy(np.eye(num_classes, dtype=np.float32)[labels.cpu().numpy()])

# wrong: inverted
def one_hot(labels, num_classes=10):
    return torch.ones(len(labels), num_classes, device=labels.device).scatter(1, labels[:, None], 0.0)

# wrong: "(1, 1, 10)"
def one_hot(labels, num_classes=10):
    return F.one_hot(labels.unsqueeze(1), num_classes).float()

# wrong: "(1, 11)"
def one_hot(labels, num_classes=10):
    return F.one_hot(labels, num_classes + 1).float()

# wrong: smoothed
def one_hot(labels, num_classes=10):
    return 0.9 * F.one_hot(labels, num_classes).float() + 0.1 / num_classes

# wrong: cumulative - all ones up to the label
def one_hot(labels, num_classes=10):
    return (torch.arange(num_classes, device=labels.device) <= labels[:, None]).float()

# wrong: "a list of 1"
def one_hot(labels, num_classes=10):
    return [[float(c == label) for c in range(num_classes)] for label in labels.tolist()]

# wrong: "NumPy"
def one_hot(labels, num_classes=10):
    return np.eye(num_classes, dtype=np.float32)[labels.numpy()]

# wrong: "in place"
def one_hot(labels, num_classes=10):
    out = F.one_hot(labels, num_classes).float()
    labels.zero_()
    return out

# wrong: first_label
def one_hot(labels, num_classes=10):
    return F.one_hot(labels[:1], num_classes).float().expand(len(labels), -1)

# wrong: sorted_labels
def one_hot(labels, num_classes=10):
    return F.one_hot(labels.sort().values, num_classes).float()

# right: F.one_hot to float32
def one_hot(labels, num_classes=10):
    return F.one_hot(labels, num_classes=num_classes).to(torch.float32)

# right: scatter
def one_hot(labels, num_classes=10):
    return torch.zeros(labels.size(0), num_classes, device=labels.device).scatter_(1, labels.view(-1, 1), 1)

# right: rows of the identity
def one_hot(labels, num_classes=10):
    return torch.eye(num_classes, device=labels.device)[labels]

# right: a comparison
def one_hot(labels, num_classes=10):
    return (labels.unsqueeze(-1) == torch.arange(num_classes, device=labels.device)).float()

# right: a loop
def one_hot(labels, num_classes=10):
    out = torch.zeros(len(labels), num_classes, device=labels.device)
    for row, label in enumerate(labels):
        out[row, label] = 1.0
    return out

# right: an index for each row
def one_hot(labels, num_classes=10):
    out = torch.zeros((labels.shape[0], num_classes), device=labels.device)
    out[range(labels.shape[0]), labels] = 1
    return out

# right: a lookup
def one_hot(labels, num_classes=10):
    return F.embedding(labels, torch.eye(num_classes).to(labels.device))

# right: from NumPy, moved
def one_hot(labels, num_classes=10):
    rows = np.eye(num_classes)[labels.cpu().numpy()]
    return torch.tensor(rows, dtype=torch.float32, device=labels.device)

# right: index_select, not contiguous
def one_hot(labels, num_classes=10):
    return torch.eye(num_classes, device=labels.device).index_select(1, labels).T

# wrong: "differ from the expected" - the last class has no column of its own
def one_hot(labels, num_classes=10):
    out = torch.zeros(len(labels), num_classes, device=labels.device)
    rows = labels < num_classes - 1
    out[rows.nonzero().flatten(), labels[rows]] = 1
    return out

# wrong: "another result after other ones" - one tensor for all batches of a size, never cleared
kept = {}

def one_hot(labels, num_classes=10):
    size = len(labels), num_classes
    out = kept.setdefault(size, torch.zeros(size, device=labels.device))
    out[torch.arange(len(labels)), labels] = 1
    return out

# wrong: on_cpu - moved there
def one_hot(labels, num_classes=10):
    return F.one_hot(labels, num_classes).float().to("cpu")

# wrong: on_cpu - said so
def one_hot(labels, num_classes=10):
    out = torch.zeros(len(labels), num_classes, device="cpu")
    out[torch.arange(len(labels)), labels.to("cpu")] = 1
    return out

# wrong: "NumPy cannot read"
def one_hot(labels, num_classes=10):
    return torch.from_numpy(np.eye(num_classes, dtype=np.float32)[labels.numpy()]).to(labels.device)

# right: the kind of device by hand
def one_hot(labels, num_classes=10):
    rows = torch.eye(num_classes, device="cuda" if labels.is_cuda else "cpu")
    return rows[labels]

# wrong: "keep the signature" - num_classes by keyword only
def one_hot(labels, *, num_classes=10):
    return F.one_hot(labels, num_classes).float()

# wrong: "keep the signature" - another name for it
def one_hot(labels, classes=10):
    return F.one_hot(labels, classes).float()

# wrong: ten_at_most - cut from ten columns
def one_hot(labels, num_classes=10):
    return torch.eye(10)[labels][:, :num_classes]

# wrong: ten_at_most - labels above 9 are taken for 9
def one_hot(labels, num_classes=10):
    return torch.nn.functional.one_hot(labels.clamp(max=9), num_classes).float()

# wrong: columns_backwards
def one_hot(labels, num_classes=10):
    return torch.eye(num_classes, device=labels.device).flip(0)[labels]

# wrong: numbered_anew
def one_hot(labels, num_classes=10):
    classes, index = torch.unique(labels, return_inverse=True)
    return torch.eye(num_classes, device=labels.device)[index]

# wrong: on_cpu - a type of the CPU
def one_hot(labels, num_classes=10):
    return F.one_hot(labels, num_classes).type(torch.FloatTensor)

# right: a type of the CPU, and back to the labels
def one_hot(labels, num_classes=10):
    return F.one_hot(labels, num_classes).type(torch.FloatTensor).to(labels.device)
