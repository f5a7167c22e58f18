package javax.annotation;

/** Replaces the annotation of jakarta.annotation-api, the one dependency that the generator's jar does not hold. */
public @interface Generated {
  String[] value();

  String date() default "";

  String comments() default "";
}
