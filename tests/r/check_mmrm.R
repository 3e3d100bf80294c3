# Fits the mixed model of a simulated trial in R, and compares with analysis.csv.
#
#   ketasim trial TRIAL --replicates 5 --datasets csv --out OUT
#   Rscript tests/r/check_mmrm.R OUT
#
# By the package mmrm where it is installed, else by gls() of nlme, which has the same estimates
# (unstructured covariance, REML). Every replicate in OUT/datasets/adqs.csv is fitted; the mean of
# the estimates has to be `predicted` of the mmrm row in OUT/analysis.csv, to 1e-4 points. Status 1
# where it is not, 2 where nothing can be compared.

within <- 1e-4

given <- commandArgs(trailingOnly = TRUE)
if (length(given) != 1) {
  message("usage: Rscript check_mmrm.R OUT")
  quit(status = 2)
}
scores <- read.csv(file.path(given, "datasets", "adqs.csv"), stringsAsFactors = FALSE)
rows <- read.csv(file.path(given, "analysis.csv"), stringsAsFactors = FALSE)
rows <- rows[rows$analysis == "mmrm" & rows$estimand == "hypothetical", ]
arms <- strsplit(rows$contrast[1], " - ", fixed = TRUE)[[1]]
size <- length(unique(scores$USUBJID[scores$ARMCD == arms[1] & scores$REPL == scores$REPL[1]]))
row <- rows[rows$n_per_arm == size, ]
if (nrow(row) != 1) {
  message("analysis.csv has no mmrm row of ", size, " patients in the first arm")
  quit(status = 2)
}
code <- substr(toupper(gsub("[^A-Za-z0-9]", "", row$scale)), 1, 8)
scores <- scores[scores$PARAMCD == code & scores$ATPT > 0 & scores$ATPT <= row$time_h + 1e-6, ]
visits <- sort(unique(scores$ATPT))
scores$VISIT <- factor(scores$ATPT, levels = visits)

# one arm minus the other at the last visit, from the coefficients of a model of a mean for each arm
# and visit, and a slope of the baseline for each visit
cell <- function(arm) paste0("ARM", arm, ":VISIT", visits[length(visits)])

by_mmrm <- function(data) {
  fit <- mmrm::mmrm(
    CHG ~ 0 + ARM:VISIT + BASE:VISIT + us(VISIT | USUBJID),
    data = data, reml = TRUE, method = "Kenward-Roger"
  )
  names <- names(stats::coef(fit))
  contrast <- (names == cell(arms[1])) - (names == cell(arms[2]))
  found <- mmrm::df_1d(fit, contrast)
  c(found$est, found$se, found$df)
}

by_gls <- function(data) {
  data <- data[order(data$USUBJID, data$ATPT), ]
  fit <- nlme::gls(
    CHG ~ 0 + ARM:VISIT + BASE:VISIT,
    data = data, method = "REML",
    correlation = nlme::corSymm(form = ~ as.integer(VISIT) | USUBJID),
    weights = nlme::varIdent(form = ~ 1 | VISIT),
    control = nlme::glsControl(tolerance = 1e-10, msTol = 1e-12, maxIter = 500, msMaxIter = 2000)
  )
  names <- names(stats::coef(fit))
  contrast <- (names == cell(arms[1])) - (names == cell(arms[2]))
  se <- sqrt(drop(t(contrast) %*% stats::vcov(fit) %*% contrast))
  c(sum(contrast * stats::coef(fit)), se, NA)
}

has_mmrm <- requireNamespace("mmrm", quietly = TRUE)
fitted <- if (has_mmrm) by_mmrm else by_gls
package <- if (has_mmrm) "mmrm" else "nlme"
cat("R", as.character(getRversion()), "with", package, as.character(packageVersion(package)), "\n")

replicates <- sort(unique(scores$REPL))
found <- sapply(replicates, function(one) {
  data <- scores[scores$REPL == one, ]
  data$USUBJID <- factor(data$USUBJID)
  data$ARM <- factor(data$ARMCD)
  fitted(data)
})
for (place in seq_along(replicates)) {
  cat(sprintf("replicate %d: estimate %.6f, se %.6f", replicates[place], found[1, place], found[2, place]))
  cat(if (is.na(found[3, place])) "\n" else sprintf(", df %.3f\n", found[3, place]))
}
if (length(replicates) != row$replicates || row$failed_uncertain > 0) {
  message("analysis.csv is of ", row$replicates, " replicates, and not all of them are here")
  quit(status = 2)
}
gap <- mean(found[1, ]) - row$predicted
cat(sprintf("mean %.6f, analysis.csv %.6f, difference %.1e\n", mean(found[1, ]), row$predicted, gap))
if (abs(gap) > within) {
  message("they differ by more than ", within)
  quit(status = 1)
}
