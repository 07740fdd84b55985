package com.main;

import java.util.Collections;
import java.util.List;

/** Why nothing was submitted: a line for each thing the user has to change. */
public final class JobRefusedException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    public JobRefusedException(String reason) {
        this(Collections.singletonList(reason));
    }

    public JobRefusedException(List<String> reasons) {
        super("The job was not submitted:\n  " + String.join("\n  ", reasons));
    }
}
